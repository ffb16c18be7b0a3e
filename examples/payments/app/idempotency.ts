import { PrismaLibSql } from "@prisma/adapter-libsql";
import { createIdempotency } from "onceonly";
import { PrismaClient } from "../generated/client.ts";

const globalForPrisma = globalThis as unknown as { prisma: PrismaClient | undefined };

export const prisma = (globalForPrisma.prisma ??= new PrismaClient({
  adapter: new PrismaLibSql({ url: process.env["DATABASE_URL"] ?? "file:payments.db" }),
}));

export const idempotency = createIdempotency({
  prisma,
  // For the completer: it has no request to take the payment from.
  storeInput: true,
  // Short, so that nobody has to watch this for a minute, which is the default.
  leaseMs: 3_000,
  // No longer than the lease, which a transaction renews only as it begins.
  transaction: { timeoutMs: 3_000 },
});
