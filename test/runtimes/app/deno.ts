import { depositTwice } from "./deposit.js";
import { PrismaClient } from "./generated/deno/client.ts";
import { openSqlite } from "./sqlite.js";

void depositTwice(openSqlite(PrismaClient)).then((told) => console.log(JSON.stringify(told)));
