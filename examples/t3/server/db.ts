import { PrismaLibSql } from "@prisma/adapter-libsql";
import { withAmbientTransaction } from "onceonly";
import { PrismaClient } from "../generated/client.ts";

const createPrismaClient = () =>
  new PrismaClient({ adapter: new PrismaLibSql({ url: process.env["DATABASE_URL"] ?? "file:./dev.db" }) });

const globalForPrisma = globalThis as unknown as { prisma: PrismaClient | undefined };

// In development the client is kept across reloads; each reload wraps it anew.
const client = globalForPrisma.prisma ?? createPrismaClient();

if (process.env["NODE_ENV"] !== "production") globalForPrisma.prisma = client;

export const db = withAmbientTransaction(client);
