import { depositTwice } from "./deposit.js";
import { PrismaClient } from "./generated/javascript/index.js";
import { openSqlite } from "./sqlite.js";

test("a deposit", async () => {
  process.stdout.write(`${JSON.stringify(await depositTwice(openSqlite(PrismaClient)))}\n`);
});
