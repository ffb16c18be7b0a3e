import { depositTwice } from "./deposit.js";
import { PrismaClient } from "./generated/javascript/index.js";
import { openSqlite } from "./sqlite.js";

void depositTwice(openSqlite(PrismaClient)).then((told) => console.log(JSON.stringify(told)));
