import { createIdempotency } from "onceonly";
import { withIdempotency } from "onceonly/http";

/** Deposits over HTTP: in one transaction, and as a leased run. */
export function shopOn(prisma) {
  const options = { idempotency: createIdempotency({ prisma }), scope: "global" };
  const deposit = (tx) => tx.account.update({ where: { id: "ada" }, data: { balance: { increment: 5 } } });
  const routes = {
    "/deposits": withIdempotency(options, async (_request, { tx }) => Response.json(await deposit(tx))),
    "/leased-deposits": withIdempotency(
      { ...options, mode: "lease", operation: "leased deposit" },
      async (_request, { transaction }) =>
        Response.json(await transaction("deposit", ({ tx }) => deposit(tx))),
    ),
  };
  return (request) => routes[new URL(request.url).pathname](request);
}

/** Sends each deposit twice, and tells all answers and the balance. */
export async function depositTwice(prisma, shop = shopOn(prisma)) {
  const send = async (path) => {
    const headers = { "Idempotency-Key": '"once"' };
    const answer = await shop(new Request(`http://shop.test${path}`, { method: "POST", headers }));
    return `${await answer.text()} ${answer.headers.get("Idempotent-Replayed") ?? "executed"}`;
  };
  const answers = [];
  for (const path of ["/deposits", "/deposits", "/leased-deposits", "/leased-deposits"])
    answers.push(await send(path));
  const { balance } = await prisma.account.findUniqueOrThrow({ where: { id: "ada" } });
  await prisma.$disconnect();
  return { answers, balance };
}
