import type { StoreFault } from "../core/contract/store.ts";
import type { Dialect } from "./dialect.ts";
import { StoreError } from "./store-error.ts";

/** What Prisma's errors have in common. They are told apart by name and code, since every client has its own classes. */
interface PrismaErrorLike {
  readonly name?: string;
  readonly message?: unknown;
  readonly code?: string;
  readonly meta?: { readonly code?: string; readonly driverAdapterError?: { readonly cause?: DriverCause } };
  readonly cause?: DriverCause;
}

interface DriverCause {
  readonly kind?: string;
  readonly originalCode?: string | number;
  readonly originalMessage?: string;
}

/** Prisma error codes: https://www.prisma.io/docs/orm/reference/error-reference */
const PRISMA_FAULTS: Readonly<Record<string, StoreFault>> = {
  P1001: "unavailable", // can't reach database server
  P1002: "unavailable", // database server timed out
  P1017: "unavailable", // server has closed the connection
  P2021: "schema_missing", // table does not exist
  P2024: "unavailable", // no connection from the pool in time
  P2034: "write_conflict", // write conflict or deadlock
};

const KIND_FAULTS: Readonly<Record<string, StoreFault>> = {
  TransactionWriteConflict: "write_conflict",
  TableDoesNotExist: "schema_missing",
  DatabaseNotReachable: "unavailable",
  ConnectionClosed: "unavailable",
  TooManyConnections: "unavailable",
  SocketTimeout: "unavailable",
};

const CONNECTION_LOST =
  /connection error|connection terminated|ECONNRESET|ECONNREFUSED|EPIPE|server closed the connection/i;

/**
 * Errors come in four shapes:
 *
 * - from a model query, with Prisma's own code;
 * - from a raw query, `P2010` with the database's code in `meta`;
 * - from the driver, a bare `DriverAdapterError`: for a failed COMMIT, and for our own writes in a transaction;
 * - from a lost connection, a plain `Error`.
 */
export function faultOf(dialect: Dialect, error: unknown): StoreFault | undefined {
  // Frameworks wrap what a handler threw, as tRPC does in a TRPCError.
  return (
    faultOfItself(dialect, error) ?? faultOfItself(dialect, error instanceof Error ? error.cause : undefined)
  );
}

function faultOfItself(dialect: Dialect, error: unknown): StoreFault | undefined {
  if (error instanceof StoreError) {
    return error.fault;
  }
  if (typeof error !== "object" || error === null) {
    return undefined;
  }
  const { name, code, meta, cause: bareCause, message: given } = error as PrismaErrorLike;
  const message = typeof given === "string" ? given : "";
  const cause = meta?.driverAdapterError?.cause ?? (name === "DriverAdapterError" ? bareCause : undefined);
  const databaseCode = cause?.originalCode ?? meta?.code;
  const databaseMessage = cause?.originalMessage ?? "";
  return (
    (databaseCode === undefined ? undefined : dialect.faultOfCode(String(databaseCode), databaseMessage)) ??
    KIND_FAULTS[cause?.kind ?? ""] ??
    PRISMA_FAULTS[code ?? ""] ??
    (code === "P2028" && message.includes("Unable to start") ? "unavailable" : undefined) ??
    (CONNECTION_LOST.test(message) ? "unavailable" : undefined)
  );
}
