import { PrismaLibSql } from "@prisma/adapter-libsql";
import { withAmbientTransaction } from "onceonly";
import { PrismaClient } from "./generated/client.ts";

const globalForPrisma = globalThis as unknown as { prisma: PrismaClient | undefined };

globalForPrisma.prisma ??= new PrismaClient({
  adapter: new PrismaLibSql({ url: process.env["DATABASE_URL"] ?? "file:./dev.db" }),
});

export const db = withAmbientTransaction(globalForPrisma.prisma);
