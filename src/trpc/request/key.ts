import {
  KEY_HEADER,
  KEY_OPTION_GAVE_NONE,
  parseKeyHeader,
  parseKeyListHeader,
  RETRY_HEADER,
  saysRetry,
} from "../../core/adapter/key-header.ts";
import { IdempotencyError, isIdempotencyError } from "../../core/contract/errors/errors.ts";
import { invalidKey } from "../../core/request/identity.ts";
import type { ProcedureCall } from "./procedure-call.ts";
import { headerIn, isCallOf, type RequestInfo, type RequestParts } from "./request-parts.ts";

type KeyOption<TContext, TInput> = (
  call: ProcedureCall<TContext, TInput>,
) => string | null | undefined | Promise<string | null | undefined>;

/**
 * The key of a call: from option `key`, else from the header.
 *
 * @throws {@link IdempotencyError} `KEY_INVALID`; `KEY_MISSING` for a header that cannot be attributed to this call
 */
export async function keyOf<TContext, TInput>(
  key: KeyOption<TContext, TInput> | undefined,
  call: ProcedureCall<TContext, TInput>,
  request: RequestParts,
): Promise<string | undefined> {
  return (await key?.(call)) ?? keyInHeader(call, request);
}

function keyInHeader(
  call: ProcedureCall<unknown, unknown>,
  { headers, info }: RequestParts,
): string | undefined {
  const header = headerIn(headers, KEY_HEADER);
  if (header === undefined) {
    return undefined;
  }
  if (info === undefined) {
    // Ignoring it would let the client rely on a promise that nobody keeps.
    throw keyMissing(call.path, { headers, info });
  }
  if (!isCallOf(info, call)) {
    return undefined;
  }
  return info.isBatchCall ? keysOfBatch(header, info.calls)[call.batchIndex] : parseKeyHeader(header);
}

interface Reading {
  readonly header: string;
  /** Or why there are none. */
  readonly keys: readonly (string | undefined)[] | IdempotencyError<"KEY_INVALID">;
}

/** By the list of the calls. For each of them anew, the header of a long batch would cost as its square. */
const readings: WeakMap<RequestInfo["calls"], Reading> = new WeakMap();

/** @throws {@link IdempotencyError} `KEY_INVALID`, one for each call. */
function keysOfBatch(header: string, calls: RequestInfo["calls"]): readonly (string | undefined)[] {
  const known = readings.get(calls);
  const { keys } = known?.header === header ? known : readBatch(header, calls);
  if (keys instanceof IdempotencyError) {
    throw invalidKey(keys.details.reason, keys.message, keys.cause);
  }
  return keys;
}

function readBatch(header: string, calls: RequestInfo["calls"]): Reading {
  let keys: Reading["keys"];
  try {
    keys = parseKeyListHeader(header, calls.length) ?? [];
  } catch (error) {
    if (!isIdempotencyError(error) || error.code !== "KEY_INVALID") {
      throw error;
    }
    keys = error;
  }
  const reading = { header, keys };
  readings.set(calls, reading);
  return reading;
}

/** Whether the request that carries a call says that it is a repetition. */
export function isRetry(call: ProcedureCall<unknown, unknown>, { headers, info }: RequestParts): boolean {
  return info !== undefined && isCallOf(info, call) && saysRetry(headerIn(headers, RETRY_HEADER));
}

/** `isOptionGiven`: whether option `key` had looked for it first. */
export function keyMissing(
  operation: string,
  request: RequestParts,
  isOptionGiven = false,
): IdempotencyError<"KEY_MISSING"> {
  const name = operation === "" ? "A mutation without a path" : operation;
  return new IdempotencyError(
    "KEY_MISSING",
    `${name} needs an idempotency key: ${isOptionGiven ? KEY_OPTION_GAVE_NONE : remedyOf(operation, request)}.`,
    { operation },
  );
}

function remedyOf(operation: string, { headers, info }: RequestParts): string {
  if (operation === "") {
    return "a server action has no header for it; give option key, such as ({ input }) => input.idempotencyKey";
  }
  return headers === undefined || info === undefined
    ? "the header Idempotency-Key is not read, as the context does not say which call it belongs to: return req " +
        "and info from createContext, or give option request or key"
    : "send the header Idempotency-Key; a call through createCaller or over a WebSocket has none of its own, and needs " +
        "option key";
}
