import { depositTwice } from "./deposit.js";
import { PrismaClient } from "./generated/javascript/index.js";

void depositTwice(PrismaClient).then((told) => console.log(JSON.stringify(told)));
