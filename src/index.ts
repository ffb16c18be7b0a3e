/**
 * Exactly-once mutations, kept in the application's own Prisma database.
 *
 * @module onceonly
 */

export type { CliConfig } from "./core/contract/cli-config.ts";
export type { ErrorClass, ErrorSerializer } from "./core/contract/errors/error-serializer.ts";
export {
  type AnyIdempotencyError,
  IdempotencyError,
  type IdempotencyErrorCode,
  type IdempotencyErrorDetails,
  type InputProblem,
  isIdempotencyError,
  type KeyProblem,
} from "./core/contract/errors/errors.ts";
export type {
  CallEvent,
  CallPhase,
  EndedCallEvent,
  ErrorFacts,
  IdempotencyEvents,
  TracedCall,
} from "./core/contract/events.ts";
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
export {
  type Codec,
  devalueCodec,
  type Transformer,
  transformerCodec,
  UnstorableValueError,
} from "./core/contract/options/codec.ts";
export type { EncryptionKey, EncryptionOptions } from "./core/contract/options/encryption.ts";
export type { ResolvedRunOptions, RunOptions } from "./core/contract/options/options.ts";
export type { ReplayCache } from "./core/contract/options/replay-cache.ts";
export type { TransactionOptions } from "./core/contract/options/transaction-options.ts";
export type { Finding } from "./core/contract/upkeep/finding.ts";
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
} from "./core/contract/upkeep/inspection.ts";
export type {
  CountOptions,
  ListedRecord,
  ListOptions,
  OperationCounts,
  RecordPage,
  TableStats,
} from "./core/contract/upkeep/listing.ts";
export type { PruneOptions, Pruning, StartPruningOptions } from "./core/contract/upkeep/pruning.ts";
export type { Reencrypted, ReencryptOptions } from "./core/contract/upkeep/reencryption.ts";
export type { Upkeep } from "./core/contract/upkeep/upkeep.ts";
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
