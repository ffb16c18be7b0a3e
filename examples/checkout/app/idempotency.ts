import { createIdempotency } from "onceonly";
import { prisma } from "./prisma.ts";

export const idempotency = createIdempotency({
  prisma,
  // The panel delays a payment by five seconds, which is where Prisma gives a transaction up by default.
  transaction: { timeoutMs: 20_000, maxWaitMs: 15_000 },
});
