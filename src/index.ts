/**
 * Exactly-once mutations, kept in the application's own Prisma database.
 *
 * @module onceonly
 */

export {
  type Codec,
  devalueCodec,
  type Transformer,
  transformerCodec,
  UnstorableValueError,
} from "./core/codec.ts";
export {
  type AnyIdempotencyError,
  IdempotencyError,
  type IdempotencyErrorCode,
  type IdempotencyErrorDetails,
  isIdempotencyError,
  type KeyProblem,
} from "./core/errors.ts";
export type {
  Handler,
  Idempotency,
  PruneOptions,
  RunContext,
  RunRequest,
  RunResult,
  SettledRun,
  UnkeyedContext,
} from "./core/idempotency.ts";
export type { ResolvedRunOptions, RunOptions, TransactionOptions } from "./core/options.ts";
export type { ErrorSerializer } from "./core/stored-error.ts";
export { createIdempotency, type IdempotencyOptions } from "./create-idempotency.ts";

export type { PrismaClientLike, TransactionOf } from "./prisma/client.ts";
export type { ModelOptions } from "./prisma/model.ts";
