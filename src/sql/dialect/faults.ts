import type { StoreFault } from "../../core/contract/store.ts";
import type { Dialect } from "./dialect.ts";
import { StoreError } from "./store-error.ts";

/** What Prisma's errors have in common. They are told apart by name and code, since every client has its own classes. */
interface PrismaErrorLike {
  readonly name?: string;
  readonly message?: unknown;
  readonly code?: string;
  readonly meta?: {
    readonly code?: string;
    readonly message?: string;
    readonly driverAdapterError?: { readonly cause?: DriverCause };
  };
  readonly cause?: DriverCause;
  readonly errno?: unknown;
  readonly sqlState?: unknown;
}

interface DriverCause {
  readonly kind?: string;
  readonly originalCode?: string | number;
  readonly originalMessage?: string;
  /** Why a pool has no connection, in the driver's words. */
  readonly cause?: unknown;
}

/** Prisma error codes: https://www.prisma.io/docs/orm/reference/error-reference */
const PRISMA_FAULTS: Readonly<Record<string, StoreFault>> = {
  P1000: "misconfigured", // authentication failed
  P1001: "unavailable", // can't reach database server
  P1002: "unavailable", // database server timed out
  P1003: "misconfigured", // database does not exist
  P1008: "unavailable", // operations timed out
  P1010: "misconfigured", // access denied
  P1011: "misconfigured", // TLS connection error
  P1017: "unavailable", // server has closed the connection
  P2021: "misconfigured", // table does not exist
  P2022: "misconfigured", // column does not exist
  P2024: "unavailable", // no connection from the pool in time
  P2034: "write_conflict", // write conflict or deadlock
  P2037: "unavailable", // too many database connections
};

/** `MappedError` of `@prisma/driver-adapter-utils`. */
const KIND_FAULTS: Readonly<Record<string, StoreFault>> = {
  TransactionWriteConflict: "write_conflict",
  TransactionAlreadyClosed: "transaction_expired",
  DatabaseNotReachable: "unavailable",
  ConnectionClosed: "unavailable",
  TooManyConnections: "unavailable",
  SocketTimeout: "unavailable",
  TableDoesNotExist: "misconfigured",
  ColumnNotFound: "misconfigured",
  DatabaseDoesNotExist: "misconfigured",
  DatabaseAccessDenied: "misconfigured",
  AuthenticationFailed: "misconfigured",
  TlsConnectionError: "misconfigured",
};

/** Drivers hand over most errors of the network as they are. "timeout exceeded" is what a full pool of `pg` says. */
const NO_CONNECTION = new RegExp(
  [
    "connection error",
    "connection terminated",
    "server closed the connection",
    "query read timeout",
    "timeout exceeded when trying to connect",
    "\\b(?:EAI_AGAIN|ECONNABORTED|ECONNREFUSED|ECONNRESET|EHOSTDOWN|EHOSTUNREACH|ENETDOWN|ENETUNREACH|EPIPE|ETIMEDOUT)\\b",
  ].join("|"),
  "i",
);

/**
 * Errors come in five shapes:
 *
 * - from a model query, with Prisma's own code;
 * - from a raw query, `P2010` with the database's code in `meta`;
 * - from the driver, a bare `DriverAdapterError`: for a failed COMMIT, and for our own writes in a transaction;
 * - from a connection that we hold ourselves, what the driver makes of the database's answer;
 * - from a lost connection, a plain `Error`.
 */
export function faultOf(dialect: Dialect, error: unknown): StoreFault | undefined {
  return faultOfItself(dialect, error) ?? faultOfItself(dialect, causeOf(error));
}

/**
 * The error that says what to change, for one of the database whose code tells by itself that the set-up is wrong, whoever sent the
 * statement.
 */
export function setUpErrorOf(dialect: Dialect, error: unknown): StoreError | undefined {
  const said = databaseErrorOf(error);
  const advice = said && dialect.adviceOnCode?.(said.code, saidBy(error as PrismaErrorLike, said.message));
  return advice === undefined ? undefined : new StoreError("misconfigured", advice, error);
}

/** `sent`, whose error is {@link setUpErrorOf} where there is one. */
export async function explaining<T>(dialect: Dialect, sent: Promise<T>): Promise<T> {
  try {
    return await sent;
  } catch (error) {
    throw setUpErrorOf(dialect, error) ?? error;
  }
}

/** Frameworks wrap what a handler threw, as tRPC does in a TRPCError. */
export const causeOf = (error: unknown): unknown => (error instanceof Error ? error.cause : undefined);

function faultOfItself(dialect: Dialect, error: unknown): StoreFault | undefined {
  if (error instanceof StoreError) {
    return error.fault;
  }
  if (typeof error !== "object" || error === null) {
    return undefined;
  }
  const known: PrismaErrorLike = error;
  const { code, message: given } = known;
  const message = typeof given === "string" ? given : "";
  const databaseError = databaseErrorOf(error);
  return (
    (databaseError && dialect.faultOfCode(databaseError.code, saidBy(known, databaseError.message))) ??
    KIND_FAULTS[driverCauseOf(known)?.kind ?? ""] ??
    PRISMA_FAULTS[code ?? ""] ??
    (code === "P2028" ? transactionFaultOf(message) : undefined) ??
    (NO_CONNECTION.test(message) ? "unavailable" : undefined)
  );
}

/** The database's own code and message in an error, if it has any. */
export function databaseErrorOf(
  error: unknown,
): { readonly code: string; readonly message: string } | undefined {
  if (typeof error !== "object" || error === null) {
    return undefined;
  }
  const known: PrismaErrorLike = error;
  const { meta, errno, sqlState } = known;
  const cause = driverCauseOf(known);
  const driverCode = typeof errno === "number" && sqlState !== undefined ? errno : undefined;
  const code = cause?.originalCode ?? meta?.code ?? driverCode;
  return code === undefined
    ? undefined
    : { code: String(code), message: cause?.originalMessage ?? meta?.message ?? "" };
}

/** Whether the database has refused a statement to the user who sent it. */
export function isDenial(dialect: Dialect, error: unknown): boolean {
  return dialect.denials.includes(databaseErrorOf(error)?.code ?? "");
}

/** `message`, and what the driver adds to it. */
function saidBy(error: PrismaErrorLike, message: string): string {
  const reason = driverCauseOf(error)?.cause;
  return typeof reason === "string" ? `${message} ${reason}` : message;
}

const driverCauseOf = ({ name, meta, cause }: PrismaErrorLike): DriverCause | undefined =>
  meta?.driverAdapterError?.cause ?? (name === "DriverAdapterError" ? cause : undefined);

/** P2028 says that a transaction could not begin in time, or that it took too long. */
function transactionFaultOf(message: string): StoreFault {
  return message.includes("Unable to start") ? "unavailable" : "transaction_expired";
}
