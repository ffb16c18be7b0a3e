import { checkOneOf, misuse } from "../../core/browser/option-checks.ts";
import { failureAt } from "../../core/contract/test-points.ts";
import type { PrismaClientLike } from "../client/client.ts";
import { type ClientRequest, engineOf, watchRequests } from "../client/private-members.ts";
import { rawSqlOf } from "../client/raw-sql.ts";
import { handlerTransactionIn } from "../handler/handler-transaction.ts";
import { ownClassOf } from "../handler/own-class.ts";
import { currentScope, findScope, type HandlerScope } from "../handler/scope.ts";
import { GUARD } from "../handler/shared-symbols.ts";
import { callSiteOf, withCallSite } from "./call-site.ts";
import { isReading } from "./reading-sql.ts";

/** What happens when a handler writes outside of its transaction. */
export type GuardMode = "off" | "warn" | "throw";

interface Guard {
  mode: GuardMode;
  isWatching: boolean;
  /** Call sites and statements that were reported already. */
  readonly warned: Set<string>;
}

function guardOf(engine: { [GUARD]?: Guard }): Guard {
  const guard = engine[GUARD] ?? { mode: defaultMode(), isWatching: false, warned: new Set<string>() };
  Object.defineProperty(engine, GUARD, { configurable: true, value: guard });
  return guard;
}

/**
 * Watches the writes of a client, and of all clients that share its engine. The mode given last wins.
 *
 * Warns if this version of Prisma cannot be watched.
 *
 * @throws TypeError for an unknown mode, or for `"warn"` and `"throw"` that were asked for and cannot be.
 */
export function guardClient(client: PrismaClientLike, mode: GuardMode | undefined): void {
  checkOneOf("guard", mode, ["off", "warn", "throw"] satisfies GuardMode[]);
  const engine = engineOf(client);
  const guard = guardOf(engine);
  guard.mode = mode ?? guard.mode;
  if (guard.mode === "off" || guard.isWatching) {
    return;
  }
  guard.isWatching = watchRequests(engine, {
    beforeSend: (request) => checkRequest(guard, engine, request),
    atCall: (send, asked) => (guard.mode === "off" ? send : withCallSite(send, asked)),
  });
  if (guard.isWatching) {
    return;
  }
  if (mode !== undefined) {
    throw misuse("guard", mode, '"off": this version of Prisma does not let writes be watched');
  }
  guard.mode = "off";
  const warning = new Error(
    "onceonly: this version of Prisma does not let writes be watched, so nothing reports a handler's writes outside of " +
      'its transaction. Use a version that onceonly supports, or say that you know by guard: "off".',
  );
  warning.name = GUARD_WARNING;
  process.emitWarning(warning);
}

function defaultMode(): GuardMode {
  return process.env["NODE_ENV"] === "production" ? "off" : "warn";
}

/** @throws UncoveredWriteError */
function checkRequest(guard: Guard, engine: object, request: ClientRequest): void {
  const scope = currentScope();
  if (scope === undefined || guard.mode === "off" || !writes(request)) {
    return;
  }
  // What outlives a handler may run inside another one.
  const transaction = findScope(({ transaction: { handler } }) => handler !== undefined)?.transaction;
  if (transaction?.handler === undefined || isCovered(request) || joinsByItself(engine, request)) {
    return;
  }
  const isRoot = transaction.begun.engine === engine;
  const error = new UncoveredWriteError(
    transaction.handler.operation,
    request,
    callSiteOf(scope, request),
    isRoot,
  );
  const { model, action, callSite } = error;
  const { operation } = transaction.handler;
  failureAt("uncovered write", {
    operation,
    action: model === undefined ? action : `${model}.${action}`,
    callSite,
  });
  if (guard.mode === "throw") {
    throw error;
  }
  warnOnce(guard, error);
}

/** Whether the request is sent in the transaction of a handler: the one it names, or that of a handler around it. */
function isCovered({ transaction }: ClientRequest): boolean {
  if (transaction?.id === undefined) {
    return false;
  }
  const isOf = ({ transaction: own }: HandlerScope) =>
    (own.info as ClientRequest["transaction"])?.id === transaction.id;
  return handlerTransactionIn(transaction) !== undefined || findScope(isOf) !== undefined;
}

/** Its `$transaction` begins none in a handler. */
function joinsByItself(engine: object, { client }: ClientRequest): boolean {
  return client !== undefined && client === ownClassOf(engine)?.instance;
}

/** Everything that is not known to read, so that operations of later versions of Prisma count as writes. */
function writes({ action, args }: ClientRequest): boolean {
  return !READS.has(action) && !(action === "queryRaw" && isReading(rawSqlOf(args)));
}

const READS: ReadonlySet<string> = new Set([
  "findUnique",
  "findUniqueOrThrow",
  "findFirst",
  "findFirstOrThrow",
  "findMany",
  "count",
  "aggregate",
  "groupBy",
]);

const GUARD_WARNING = "OnceonlyGuardWarning";
const WARNED_MAX = 1_000;

function warnOnce({ warned }: Guard, error: UncoveredWriteError): void {
  const place = `${error.callSite ?? error.message} ${error.model ?? ""}.${error.action}`;
  if (!warned.has(place) && warned.size < WARNED_MAX) {
    warned.add(place);
    const warning = new Error(error.message, { cause: error });
    warning.name = GUARD_WARNING;
    process.emitWarning(warning);
  }
}

/** A handler wrote outside of its transaction. With the guard `"throw"` the write was not sent. */
export class UncoveredWriteError extends Error {
  override readonly name = "UncoveredWriteError";
  /** `undefined` for raw SQL, and for the beginning of a transaction. */
  readonly model: string | undefined;
  /** Prisma's name for the operation, for example `"create"`, `"executeRaw"` or `"$transaction"`. */
  readonly action: string;
  /** File, line and column; `undefined` if unknown. */
  readonly callSite: string | undefined;

  constructor(
    operation: string,
    { model, action }: ClientRequest,
    callSite: string | undefined,
    isRoot: boolean,
  ) {
    super(
      `onceonly: the handler of ${operation} writes outside of its transaction: ` +
        `${model === undefined ? action : `${model}.${action}`} at ${callSite ?? "an unknown place"}, through ` +
        `${isRoot ? "the root client" : "another client than that of the transaction"}. ` +
        "A rollback does not undo it, and a retry does it again. Write through tx, through join(client), or through a client " +
        `that withAmbientTransaction returned${isRoot ? "" : ", of the same PrismaClient that createIdempotency was given"}; ` +
        'where it is meant, use a client that onceonly was not given, or guard: "off".',
    );
    this.model = model;
    this.action = action;
    this.callSite = callSite;
  }
}
