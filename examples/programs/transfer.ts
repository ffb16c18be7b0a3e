/** A bank transfer, sent three times with one key: the money moves once. `node --import tsx examples/programs/transfer.ts` */
import { createTables, idempotency, prisma } from "../database/index.ts";

interface Transfer {
  readonly from: string;
  readonly to: string;
  readonly cents: number;
}

class InsufficientFunds extends Error {
  override readonly name = "InsufficientFunds";
}

function transfer(user: string, key: string, input: Transfer) {
  return idempotency.run(
    {
      operation: "transfer",
      key,
      scope: user,
      input,
      // This error is an answer: its duplicates get it too. Any other rolls back, and a retry executes.
      storeError: (error) => error instanceof InsufficientFunds,
    },
    async ({ tx }) => {
      const { from, to, cents } = input;
      const { count } = await tx.account.updateMany({
        where: { id: from, balance: { gte: cents } },
        data: { balance: { decrement: cents } },
      });
      if (count === 0) throw new InsufficientFunds(`${from} has less than ${cents}`);
      await tx.account.update({ where: { id: to }, data: { balance: { increment: cents } } });
      return { moved: cents };
    },
  );
}

await createTables();
await prisma.account.createMany({
  data: [
    { id: "ada", balance: 100 },
    { id: "bob", balance: 0 },
  ],
});

const key = crypto.randomUUID(); // one per intent
for (let sent = 1; sent <= 3; sent += 1) {
  const { value, replayed } = await transfer("ada", key, { from: "ada", to: "bob", cents: 30 });
  console.log(`sent ${sent}: moved ${value.moved}${replayed ? " (replayed)" : ""}`);
}
const tooMuch = crypto.randomUUID();
for (let sent = 1; sent <= 2; sent += 1) {
  await transfer("ada", tooMuch, { from: "ada", to: "bob", cents: 500 }).catch((error: Error) =>
    console.log(`too much, sent ${sent}: ${error.name}`),
  );
}
for (const { id, balance } of await prisma.account.findMany({ orderBy: { id: "asc" } })) {
  console.log(`${id} has ${balance}`);
}
await prisma.$disconnect();
