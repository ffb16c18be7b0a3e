import { createIdempotency } from "onceonly";
import { db } from "./db.ts";

export const idempotency = createIdempotency({ prisma: db });
