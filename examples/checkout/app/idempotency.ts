import { createIdempotency } from "onceonly";
import { prisma } from "./prisma.ts";

export const idempotency = createIdempotency({
  prisma,
  // The panel delays a payment by five seconds, after which Prisma gives up a transaction by default.
  transaction: { timeoutMs: 20_000, maxWaitMs: 15_000 },
});
