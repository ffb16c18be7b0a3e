import { misuse, typeOf } from "../browser/option-checks.ts";
import { IdempotencyError } from "../contract/errors/errors.ts";
import type { LeaseRequest, RunRequest } from "../contract/idempotency.ts";
import { checkOptionNames, type OptionNames } from "../contract/options/option-names.ts";
import { type ResolvedRunOptions, RUN_OPTIONS, resolveOptions } from "../contract/options/options.ts";
import type { RecordIdentity, RecordName } from "../contract/upkeep/inspection.ts";
import type { CallEvents } from "../events/call-events.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { checkId, checkKey, type Identity, recordId } from "./identity.ts";
import { NotComparableError } from "./not-comparable.ts";
import { warnOfSuspectScope } from "./suspect-scope.ts";

const OPERATION_LENGTH_MAX = 255;

const REQUEST_OPTIONS: OptionNames<Required<LeaseRequest>> = {
  ...RUN_OPTIONS,
  operation: "required",
  key: "required",
  scope: "required",
  input: true,
  storedInput: true,
  isRetry: true,
};

const IDENTITY: OptionNames<RecordIdentity> = { operation: "required", scope: "required", key: "required" };

/** A request that has passed every check that needs no database. */
export interface PreparedRun extends Identity {
  readonly id: string;
  readonly fingerprint: string;
  readonly options: ResolvedRunOptions;
  /** The encoded input, where a completer may need it. */
  readonly input: string | null;
  /** A hint about what to ask the database first. */
  readonly isRetry: boolean;
  /** When this caller stops waiting for duplicates, on the clock of `performance.now()`. Put off by a database that is away. */
  deadline: number;
  /** When this caller stops waiting for a database that is away, on the same clock. */
  readonly outageDeadline: number;
  /** `undefined` if nobody listens. */
  readonly events: CallEvents | undefined;
}

/**
 * The id of a record.
 *
 * @throws {@link IdempotencyError} `KEY_INVALID`, `SCOPE_MISSING`
 * @throws TypeError for an operation or an id that cannot be one, and an option that does not exist.
 */
export function idOf(name: RecordName): string {
  if (typeof name === "object" && name !== null && "id" in name && name.id !== undefined) {
    checkOptionNames(name, { id: "required" });
    return checkId(name.id);
  }
  checkOptionNames(name, IDENTITY);
  const { operation, scope, key } = name as RecordIdentity;
  const checked = checkOperation(operation);
  return recordId({ operation: checked, key: checkKey(key), scope: checkScope(scope, checked) });
}

/**
 * Checks a request and names its record.
 *
 * @throws {@link IdempotencyError} `KEY_INVALID`, `SCOPE_MISSING`, `INPUT_INVALID`
 * @throws TypeError for an operation or an option that cannot be used.
 */
export async function prepareRun(
  request: RunRequest,
  base: ResolvedRunOptions,
  events?: CallEvents,
): Promise<PreparedRun> {
  checkOptionNames(request, REQUEST_OPTIONS);
  const options = resolveOptions(request, base);
  const operation = checkOperation(request.operation);
  const identity: Identity = {
    operation,
    key: checkKey(request.key),
    scope: checkScope(request.scope, operation),
  };
  const now = performance.now();
  const { key, scope } = identity;
  const id = recordId(identity);
  events?.prepared({ id, key, scope, options });
  return {
    operation,
    key,
    scope,
    id,
    fingerprint: await fingerprintOfInput(request.input, operation),
    options,
    input: null,
    isRetry: checkIsRetry(request.isRetry),
    deadline: now + options.waitMs,
    outageDeadline: now + options.outageMs,
    events,
  };
}

async function fingerprintOfInput(input: unknown, operation: string): Promise<string> {
  try {
    return await fingerprintOf(input);
  } catch (error) {
    if (!(error instanceof NotComparableError)) {
      throw error;
    }
    const { reason, message } = error;
    throw new IdempotencyError(
      "INPUT_INVALID",
      `${operation}: ${message}`,
      { operation, reason },
      { cause: error },
    );
  }
}

export function checkOperation(operation: unknown): string {
  const usable = typeof operation === "string" && operation !== "" && !operation.includes("\0");
  if (!usable || operation.length > OPERATION_LENGTH_MAX) {
    throw new TypeError(
      `onceonly: operation is ${typeof operation === "string" ? `a string of ${operation.length} characters` : `of type ${typeOf(operation)}`}; ` +
        `give a name of 1 to ${OPERATION_LENGTH_MAX} characters without NUL, for example "orders.place".`,
    );
  }
  return operation;
}

function checkIsRetry(isRetry: unknown = false): boolean {
  if (typeof isRetry !== "boolean") {
    throw misuse("isRetry", isRetry, "true or false");
  }
  return isRetry;
}

export function checkScope(scope: unknown, operation: string): string {
  const usable = typeof scope === "string" || typeof scope === "number" || typeof scope === "bigint";
  const text = usable ? String(scope) : "";
  if (text === "" || text.includes("\0") || (typeof scope === "number" && !Number.isFinite(scope))) {
    const found =
      scope === ""
        ? "an empty string"
        : text.includes("\0")
          ? "a string with NUL, which PostgreSQL cannot store"
          : `of type ${typeOf(scope)}`;
    throw new IdempotencyError(
      "SCOPE_MISSING",
      `The scope of ${operation} is ${found}; it must name who may share a key, for example the user's id.`,
      { operation },
    );
  }
  warnOfSuspectScope(text, operation);
  return text;
}
