import { PrismaLibSql } from "@prisma/adapter-libsql";

export const openSqlite = (PrismaClient) =>
  new PrismaClient({ adapter: new PrismaLibSql({ url: process.env.DATABASE_URL }) });
