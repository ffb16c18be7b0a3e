/** What is loaded once for each process: the package, and what stands for a database. */
export { isIdempotencyError } from "../../../src/core/contract/errors/errors.ts";
export { idempotencyOver } from "../../../src/core/create.ts";
export { createCompleter } from "../../../src/core/lease/completer.ts";
export { idOf } from "../../../src/core/request/prepare.ts";
export { PrismaStore } from "../../../src/prisma/store.ts";
export { simulatedDialect } from "./dialect.ts";
export { SimulatedPrisma } from "./prisma.ts";
