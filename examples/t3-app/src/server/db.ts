import { pathToFileURL } from "node:url";

import { PrismaLibSQL } from "@prisma/adapter-libsql";
import { createIdempotency } from "onceonly";

import { env } from "~/env";
import { PrismaClient } from "../../generated/prisma";

// Where the Prisma CLI has it: relative to the schema. The adapter would look in the working directory.
const url = new URL(env.DATABASE_URL, pathToFileURL("prisma/")).href;

const createPrismaClient = () =>
  new PrismaClient({
    adapter: new PrismaLibSQL({ url }),
    log:
      env.NODE_ENV === "development" ? ["query", "error", "warn"] : ["error"],
  });

const globalForPrisma = globalThis as unknown as {
  prisma: ReturnType<typeof createPrismaClient> | undefined;
};

export const db = globalForPrisma.prisma ?? createPrismaClient();

if (env.NODE_ENV !== "production") globalForPrisma.prisma = db;

export const idempotency = createIdempotency({ prisma: db });
