/** A process that begins a leased run which never ends, and has nothing else to do. */
import { PrismaLibSql } from "@prisma/adapter-libsql";
import { PrismaPg } from "@prisma/adapter-pg";
import { createIdempotency } from "../../src/index.ts";
import { PrismaClient as PostgresClient } from "../support/generated/postgresql/client.ts";
import { PrismaClient as SqliteClient } from "../support/generated/sqlite/client.ts";

const [provider, url = "", leaseMs] = process.argv.slice(2);
// An idle pool of `pg` would keep the process for ten seconds.
const prisma =
  provider === "sqlite"
    ? new SqliteClient({ adapter: new PrismaLibSql({ url }) })
    : new PostgresClient({ adapter: new PrismaPg({ connectionString: url, allowExitOnIdle: true }) });
const idempotency = createIdempotency({
  prisma: prisma as PostgresClient,
  leaseMs: Number(leaseMs),
  transaction: { timeoutMs: Number(leaseMs) },
});

void idempotency.runLeased({ operation: "sleep", key: "k", scope: "u" }, ({ step }) =>
  step("for ever", () => {
    console.log("began");
    return new Promise(() => {});
  }),
);
