import { IdempotencyError } from "../core/contract/errors.ts";
import type { Idempotency, RunContext, SettledRun, UnkeyedContext } from "../core/contract/idempotency.ts";
import type { Settings } from "./options.ts";
import { comparableRequest } from "./request/comparable-request.ts";
import { bufferRequest } from "./request/request-body.ts";
import { checkOutcome } from "./response/outcome.ts";
import { isResponse, readResponse, responseOf, type StoredResponse } from "./response/stored-response.ts";
import { rememberOutcome, telling } from "./response/told-response.ts";
import { FailedResponse, ReleasedResponse } from "./response/undone-response.ts";

interface Identity {
  readonly operation: string;
  readonly key: string;
  readonly scope: string;
  readonly isRetry: boolean;
}

type AnySettings = Pick<Settings<never, never, never>, "bodyBytesMax" | "storedHeaders" | "outcome">;

/** Runs a handler with its key, and returns the response that this or an earlier run made. */
export async function runKeyed<TTransaction, TRequest extends Request>(
  settings: AnySettings,
  idempotency: Idempotency<TTransaction>,
  identity: Identity,
  { request, arg }: { readonly request: TRequest; readonly arg: unknown },
  handler: (request: TRequest, context: RunContext<TTransaction>) => Promise<Response>,
  inputOf: ((request: TRequest) => unknown) | undefined,
): Promise<Response> {
  const { bodyBytesMax, storedHeaders } = settings;
  const { resultBytesMax } = idempotency.options;
  const buffered = await bufferRequest(request, bodyBytesMax, arg);
  const input =
    inputOf === undefined
      ? await comparableRequest(request, buffered.body)
      : await inputOf(buffered.unread());
  const over = new AbortController();
  let ownHeaders: Headers | undefined;
  const execute = async (context: RunContext<TTransaction>): Promise<StoredResponse> => {
    const response = await responseOfHandler(() => handler(buffered.unread(), context)).catch(released);
    const outcome = isResponse(response) ? checkOutcome(settings.outcome(response)) : "commit";
    if (outcome === "release") {
      throw new ReleasedResponse(response);
    }
    const { operation } = identity;
    const reading = { operation, storedHeaders, bytesMax: resultBytesMax, signal: over.signal };
    const stored = await readResponse(response, reading);
    ownHeaders = response.headers;
    if (outcome === "store") {
      throw new FailedResponse(stored);
    }
    return stored;
  };
  try {
    const settled = await idempotency.runSettled({ ...identity, input }, execute);
    return answerOf(identity.operation, settled, ownHeaders);
  } catch (error) {
    return telling(releasedResponse(error, ownHeaders), { outcome: "released", replayed: false });
  } finally {
    // If the transaction ran out of time, the reading of a body may still be under way.
    over.abort();
  }
}

/** Runs a handler in a transaction without a record. The body of its response is left to the framework. */
export async function runUnkeyed<TTransaction>(
  { outcome }: AnySettings,
  idempotency: Idempotency<TTransaction>,
  handler: (context: UnkeyedContext<TTransaction>) => Promise<Response>,
): Promise<Response> {
  try {
    return await idempotency.runUnkeyed(async (context) => {
      const response = await responseOfHandler(() => handler(context));
      if (isResponse(response) && checkOutcome(outcome(response)) !== "commit") {
        throw new ReleasedResponse(response);
      }
      return response;
    });
  } catch (error) {
    rememberOutcome(error, undefined);
    return releasedResponse(error, undefined);
  }
}

/** An error of ours that the handler throws is about another key. */
function released(error: unknown): never {
  rememberOutcome(error, "released");
  throw error;
}

/** The response that a handler returns or throws: directly, as in Remix, or under `getResponse`, as in Hono. */
async function responseOfHandler(handler: () => Promise<Response>): Promise<Response> {
  try {
    return await handler();
  } catch (error) {
    if (isResponse(error)) {
      return error;
    }
    const { getResponse } = (error ?? {}) as { getResponse?: unknown };
    if (typeof getResponse !== "function") {
      throw error;
    }
    return getResponse.call(error) as Response;
  }
}

function answerOf(
  operation: string,
  settled: SettledRun<StoredResponse>,
  ownHeaders: Headers | undefined,
): Response {
  if (settled.status === "failed" && !(settled.error instanceof FailedResponse)) {
    throw settled.error;
  }
  const stored = settled.status === "completed" ? settled.value : (settled.error as FailedResponse).stored;
  const { replayed } = settled;
  const response = replayed ? replayOf(operation, stored) : responseOf(stored, ownHeaders);
  return telling(response, { outcome: "stored", replayed });
}

/** @throws {@link IdempotencyError} `RESULT_UNREADABLE` for a record that somebody has changed. */
function replayOf(operation: string, stored: StoredResponse): Response {
  try {
    return responseOf(stored);
  } catch (cause) {
    throw new IdempotencyError(
      "RESULT_UNREADABLE",
      `The stored response of ${operation} is not one; it was not executed again.`,
      { operation },
      { cause },
    );
  }
}

/**
 * The response of a run that left no trace. A response that was to be stored ends up here if it turned out too long to
 * store.
 */
function releasedResponse(error: unknown, ownHeaders: Headers | undefined): Response {
  if (error instanceof FailedResponse) {
    return responseOf(error.stored, ownHeaders);
  }
  if (error instanceof ReleasedResponse) {
    return error.response;
  }
  throw error;
}
