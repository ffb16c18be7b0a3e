import { depositTwice } from "./deposit.js";
import { PrismaClient } from "./generated/deno/client.ts";

void depositTwice(PrismaClient).then((told) => console.log(JSON.stringify(told)));
