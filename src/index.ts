/**
 * Exactly-once mutations, kept in the application's own Prisma database.
 *
 * @module onceonly
 */

export type { CliConfig } from "./core/contract/cli-config.ts";
export {
  type Codec,
  devalueCodec,
  type Transformer,
  transformerCodec,
  UnstorableValueError,
} from "./core/contract/codec.ts";
export type { EncryptionKey, EncryptionOptions } from "./core/contract/encryption.ts";
export type { ErrorClass, ErrorSerializer } from "./core/contract/error-serializer.ts";
export {
  type AnyIdempotencyError,
  IdempotencyError,
  type IdempotencyErrorCode,
  type IdempotencyErrorDetails,
  type InputProblem,
  isIdempotencyError,
  type KeyProblem,
} from "./core/contract/errors.ts";
export type {
  CallEvent,
  CallPhase,
  EndedCallEvent,
  ErrorFacts,
  IdempotencyEvents,
  TracedCall,
} from "./core/contract/events.ts";
export type { Finding } from "./core/contract/finding.ts";
export type {
  AbandonedRun,
  AbandonedRuns,
  Handler,
  Idempotency,
  LeaseContext,
  LeaseHandler,
  LeaseRequest,
  ResumeOptions,
  RunContext,
  RunRequest,
  RunResult,
  SettledRun,
  StepContext,
  StepOptions,
  TransactionStepContext,
  UnkeyedContext,
} from "./core/contract/idempotency.ts";
export type {
  Forgotten,
  InspectedRecord,
  InspectedStep,
  Inspection,
  RecordFacts,
  RecordId,
  RecordIdentity,
  RecordName,
  RecordState,
  StoredValue,
  UnknownRecord,
} from "./core/contract/inspection.ts";
export type {
  CountOptions,
  ListedRecord,
  ListOptions,
  OperationCounts,
  RecordPage,
  TableStats,
} from "./core/contract/listing.ts";
export type { ResolvedRunOptions, RunOptions } from "./core/contract/options.ts";
export type { PruneOptions, Pruning, StartPruningOptions } from "./core/contract/pruning.ts";
export type { Reencrypted, ReencryptOptions } from "./core/contract/reencryption.ts";
export type { ReplayCache } from "./core/contract/replay-cache.ts";
export type { TransactionOptions } from "./core/contract/transaction-options.ts";
export type { Upkeep } from "./core/contract/upkeep.ts";
export {
  type Completer,
  type CompletingHandler,
  createCompleter,
  type HandlersCompleterOptions,
} from "./core/lease/completer.ts";
export type { CompleterOptions } from "./core/lease/completer-options.ts";
export { createIdempotency, type IdempotencyOptions } from "./create-idempotency.ts";
export { type AmbientOptions, withAmbientTransaction } from "./prisma/ambient/ambient.ts";
export type { PrismaClientLike, TransactionOf } from "./prisma/client/client.ts";
export { type GuardMode, UncoveredWriteError } from "./prisma/guard/guard.ts";
export { TransactionOverError } from "./prisma/handler/transaction-errors.ts";
export type { ModelNames, ModelOptions } from "./sql/dialect/names.ts";
