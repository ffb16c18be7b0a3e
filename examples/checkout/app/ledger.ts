import { executing } from "./payment.ts";
import { prisma, reader } from "./prisma.ts";

const LATEST = 20;

/** What the page shows live of the database and the server. Reads committed rows only. */
export async function ledger(user: { readonly id: string }) {
  const [orders, records, customer] = await Promise.all([
    reader.order.findMany({ where: { customer: user.id }, orderBy: { id: "desc" }, take: LATEST }),
    reader.idempotencyRecord.findMany({
      where: { scope: user.id },
      orderBy: [{ createdAt: "desc" }, { id: "asc" }],
      take: LATEST,
      select: { key: true, operation: true, status: true, response: true },
    }),
    reader.customer.findUnique({ where: { id: user.id } }),
  ]);
  return {
    orders,
    records,
    chargedCents: customer?.chargedCents ?? 0,
    server: { pid: process.pid, executing: executing.count },
  };
}

/** Empties the tables of orders and records, and takes the charges back. */
export async function clearLedger(user: { readonly id: string }): Promise<void> {
  await prisma.$transaction([
    prisma.order.deleteMany({ where: { customer: user.id } }),
    prisma.idempotencyRecord.deleteMany({ where: { scope: user.id } }),
    prisma.customer.update({ where: { id: user.id }, data: { chargedCents: 0 } }),
  ]);
}
