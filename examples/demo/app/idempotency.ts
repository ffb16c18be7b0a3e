import { PrismaLibSql } from "@prisma/adapter-libsql";
import { createIdempotency } from "onceonly";
import { PrismaClient } from "../generated/client.ts";
import { sabotaged } from "./sabotage.ts";

export const prisma = new PrismaClient({
  adapter: new PrismaLibSql({ url: process.env["DATABASE_URL"] ?? "file:demo.db" }),
});

export const idempotency = sabotaged(createIdempotency({ prisma }), prisma);
