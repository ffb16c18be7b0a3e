import { devalueCodec } from "onceonly";
import { executing } from "./payment.ts";
import { prisma, reader } from "./prisma.ts";
import { forgetRequests, notedRequests } from "./provider.ts";

const LATEST = 20;

/** What the page shows live of the database, the provider and the server. Reads committed rows only. */
export async function ledger(user: { readonly id: string }) {
  const [orders, records, charges] = await Promise.all([
    reader.order.findMany({ where: { customer: user.id }, orderBy: { id: "desc" }, take: LATEST }),
    reader.idempotencyRecord.findMany({
      where: { scope: user.id },
      orderBy: [{ createdAt: "desc" }, { id: "asc" }],
      take: LATEST,
      select: { key: true, status: true, attempt: true, response: true, createdAt: true, completedAt: true },
    }),
    notedRequests(),
  ]);
  return {
    orders,
    records: records.map(({ response, ...record }) => ({ ...record, result: decoded(response) })),
    charges,
    server: { pid: process.pid, executing: executing.count },
  };
}

/** A stored result as the JSON of what every retry gets. The text begins with the name of its codec. */
function decoded(response: string | null): string | undefined {
  return response === null
    ? undefined
    : JSON.stringify(devalueCodec.decode(response.slice(devalueCodec.name.length + 1)));
}

/** Empties the tables of orders and records, and takes the charges back. */
export async function clearLedger(user: { readonly id: string }): Promise<void> {
  await prisma.$transaction([
    prisma.order.deleteMany({ where: { customer: user.id } }),
    prisma.idempotencyRecord.deleteMany({ where: { scope: user.id } }),
    prisma.customer.update({ where: { id: user.id }, data: { chargedCents: 0 } }),
  ]);
  await forgetRequests();
}
