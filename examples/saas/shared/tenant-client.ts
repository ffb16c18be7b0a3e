/** One database for all tenants: whoever works for one of them has a client that knows the rows of that one only. */
import { PrismaLibSql } from "@prisma/adapter-libsql";
import { createIdempotency } from "onceonly";
import { PrismaClient } from "../generated/client.ts";

const url = process.env["SHARED_DATABASE_URL"] ?? "file:./shared.db";

/** Knows all rows. No handler gets it. */
export const prisma = new PrismaClient({ adapter: new PrismaLibSql({ url }) });

export const idempotency = createIdempotency({ prisma });

const NARROWED: ReadonlySet<string> = new Set([
  "findUnique",
  "findMany",
  "count",
  "update",
  "updateMany",
  "deleteMany",
]);

export const tenantClient = (tenant: string) =>
  prisma.$extends({
    name: `the rows of ${tenant}`,
    query: {
      project: {
        $allOperations({ operation, args, query }) {
          if (operation === "create") return query({ ...args, data: { ...args.data, tenant } });
          if (!NARROWED.has(operation)) throw new Error(`project.${operation} is not for tenants`);
          return query({ ...args, where: { ...("where" in args ? args.where : {}), tenant } } as never);
        },
      },
    },
  });
