import { PrismaLibSql } from "@prisma/adapter-libsql";
import { createIdempotency } from "onceonly";
import { PrismaClient } from "../generated/client.ts";

const url = process.env["DATABASE_URL"] ?? "file:./webhooks.db";

const prisma = new PrismaClient({ adapter: new PrismaLibSql({ url }) });

export const idempotency = createIdempotency({
  prisma,
  // Longer than the provider goes on redelivering.
  retentionMs: 14 * 24 * 60 * 60 * 1000,
});
