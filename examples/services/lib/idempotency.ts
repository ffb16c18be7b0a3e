import { createIdempotency } from "onceonly";
import { prisma } from "./prisma.ts";

export const idempotency = createIdempotency({ prisma });
