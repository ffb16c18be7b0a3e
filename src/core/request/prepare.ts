import { typeOf } from "../browser/option-checks.ts";
import { IdempotencyError } from "../contract/errors.ts";
import type { LeaseRequest, RunRequest } from "../contract/idempotency.ts";
import { checkOptionNames, type OptionNames } from "../contract/option-names.ts";
import { type ResolvedRunOptions, RUN_OPTIONS, resolveOptions } from "../contract/options.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { checkKey, type Identity, recordId } from "./identity.ts";

const OPERATION_LENGTH_MAX = 255;

const REQUEST_OPTIONS: OptionNames<Required<LeaseRequest>> = {
  ...RUN_OPTIONS,
  operation: true,
  key: true,
  scope: true,
  input: true,
  storedInput: true,
};

/** A request that has passed every check that needs no database. */
export interface PreparedRun extends Identity {
  readonly id: string;
  readonly fingerprint: string;
  readonly options: ResolvedRunOptions;
  /** The encoded input, where a completer may need it. */
  readonly input: string | null;
  /** When this caller stops waiting for duplicates, on the clock of `performance.now()`. */
  readonly deadline: number;
}

/**
 * Checks a request and names its record.
 *
 * @throws {@link IdempotencyError} `KEY_INVALID`, `SCOPE_MISSING`
 * @throws TypeError for an operation or an option that cannot be used, or an input that cannot be compared.
 */
export async function prepareRun(request: RunRequest, base: ResolvedRunOptions): Promise<PreparedRun> {
  checkOptionNames(request, REQUEST_OPTIONS);
  const options = resolveOptions(request, base);
  const operation = checkOperation(request.operation);
  const identity: Identity = {
    operation,
    key: checkKey(request.key),
    scope: checkScope(request.scope, operation),
  };
  const deadline = performance.now() + options.waitMs;
  const { key, scope } = identity;
  return {
    operation,
    key,
    scope,
    id: recordId(identity),
    fingerprint: await fingerprintOf(request.input),
    options,
    input: null,
    deadline,
  };
}

function checkOperation(operation: unknown): string {
  const usable = typeof operation === "string" && operation !== "" && !operation.includes("\0");
  if (!usable || operation.length > OPERATION_LENGTH_MAX) {
    throw new TypeError(
      `onceonly: operation is ${typeof operation === "string" ? `a string of ${operation.length} characters` : `of type ${typeOf(operation)}`}; ` +
        `give a name of 1 to ${OPERATION_LENGTH_MAX} characters without NUL, for example "orders.place".`,
    );
  }
  return operation;
}

function checkScope(scope: unknown, operation: string): string {
  const usable = typeof scope === "string" || typeof scope === "number" || typeof scope === "bigint";
  if (!usable || scope === "" || (typeof scope === "number" && !Number.isFinite(scope))) {
    throw new IdempotencyError(
      "SCOPE_MISSING",
      `The scope of ${operation} is ${scope === "" ? "an empty string" : `of type ${typeOf(scope)}`}; ` +
        "it must name who may share a key, for example the user's id.",
      { operation },
    );
  }
  return String(scope);
}
