import { PrismaLibSql } from "@prisma/adapter-libsql";
import { createIdempotency } from "onceonly";
import { withIdempotency } from "onceonly/http";

/** Sends one deposit twice, and tells both answers and the balance. */
export async function depositTwice(PrismaClient) {
  const prisma = new PrismaClient({ adapter: new PrismaLibSql({ url: process.env.DATABASE_URL }) });
  const deposit = withIdempotency(
    { idempotency: createIdempotency({ prisma }), scope: "global", operation: "deposit" },
    async (_request, { tx }) =>
      Response.json(await tx.account.update({ where: { id: "ada" }, data: { balance: { increment: 5 } } })),
  );
  const send = async () => {
    const headers = { "Idempotency-Key": '"once"' };
    const answer = await deposit(new Request("http://shop.test/deposits", { method: "POST", headers }));
    return `${await answer.text()} ${answer.headers.get("Idempotent-Replayed") ?? "executed"}`;
  };
  const answers = [await send(), await send()];
  const { balance } = await prisma.account.findUniqueOrThrow({ where: { id: "ada" } });
  await prisma.$disconnect();
  return { answers, balance };
}
