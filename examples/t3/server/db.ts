import { PrismaLibSql } from "@prisma/adapter-libsql";
import { withAmbientTransaction } from "onceonly";
import { PrismaClient } from "../generated/client.ts";

const createPrismaClient = () =>
  new PrismaClient({ adapter: new PrismaLibSql({ url: process.env["DATABASE_URL"] ?? "file:./dev.db" }) });

const globalForPrisma = globalThis as unknown as { prisma: PrismaClient | undefined };

// The client is kept over reloads in development; what wraps it is made anew by each.
const client = globalForPrisma.prisma ?? createPrismaClient();

if (process.env["NODE_ENV"] !== "production") globalForPrisma.prisma = client;

export const db = withAmbientTransaction(client);
