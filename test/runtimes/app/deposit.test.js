import { depositTwice } from "./deposit.js";
import { PrismaClient } from "./generated/javascript/index.js";

test("a deposit", async () => {
  process.stdout.write(`${JSON.stringify(await depositTwice(PrismaClient))}\n`);
});
