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
  type Completer,
  type CompletingHandler,
  createCompleter,
  type HandlersCompleterOptions,
} from "./core/completer.ts";
export type { CompleterOptions } from "./core/completer-options.ts";
export {
  type AnyIdempotencyError,
  IdempotencyError,
  type IdempotencyErrorCode,
  type IdempotencyErrorDetails,
  isIdempotencyError,
  type KeyProblem,
} from "./core/errors.ts";
export type {
  AbandonedRun,
  AbandonedRuns,
  Handler,
  Idempotency,
  LeaseContext,
  LeaseHandler,
  LeaseRequest,
  PruneOptions,
  ResumeOptions,
  RunContext,
  RunRequest,
  RunResult,
  SettledRun,
  StepContext,
  StepOptions,
  TransactionStepContext,
  UnkeyedContext,
} from "./core/idempotency.ts";
export type { ResolvedRunOptions, RunOptions, TransactionOptions } from "./core/options.ts";
export type { ErrorSerializer } from "./core/stored-error.ts";
export { createIdempotency, type IdempotencyOptions } from "./create-idempotency.ts";
export type { PrismaClientLike, TransactionOf } from "./prisma/client.ts";
export { type AmbientOptions, withAmbientTransaction } from "./prisma/handler/ambient.ts";
export { type GuardMode, UncoveredWriteError } from "./prisma/handler/guard.ts";
export { TransactionOverError } from "./prisma/handler/lent-transaction.ts";
export type { ModelNames, ModelOptions } from "./prisma/model.ts";
