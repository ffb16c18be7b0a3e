import type { Mode } from "../core/adapter/options.ts";
import { IdempotencyError } from "../core/contract/errors/errors.ts";
import type { Idempotency, SettledRun } from "../core/contract/idempotency.ts";
import type { HttpLeaseHandler, ModeHandler } from "./context.ts";
import { comparableRequest } from "./request/comparable-request.ts";
import { explainingLost } from "./request/lost-members.ts";
import { type BufferedRequest, bufferRequest, readableRequest } from "./request/request-body.ts";
import { requestFrom, type StoredRequest, storedRequest } from "./request/stored-request.ts";
import { Execution, releasedResponse, responseOfHandler } from "./response/execution.ts";
import { checkOutcome } from "./response/outcome.ts";
import { isResponse, responseOf, type StoredResponse } from "./response/stored-response.ts";
import { rememberTold, telling } from "./response/told-response.ts";
import { FailedResponse, ReleasedResponse } from "./response/undone-response.ts";
import type { Settings } from "./settings.ts";

/** A handler, and what decides about its runs. */
export interface Route<TTransaction, TRequest extends Request, TArg> {
  readonly settings: Settings<TTransaction, TRequest, TArg>;
  readonly handler: ModeHandler<TTransaction, TRequest, TArg>;
  /** Where the records of this request are, with the options of the route. */
  readonly idempotency: Idempotency<TTransaction>;
}

interface ResumableRoute<TTransaction, TArg> {
  readonly settings: ResponseSettings;
  readonly handle: HttpLeaseHandler<TTransaction, TArg>;
  readonly idempotency: Idempotency<TTransaction>;
}

type ResponseSettings = Pick<Settings<never, never, never>, "storedHeaders" | "outcome">;

/** What the framework calls the wrapped handler with. */
export interface Call<TRequest extends Request, TArg> {
  readonly request: TRequest;
  readonly arg: TArg;
}

interface Identity {
  readonly operation: string;
  readonly key: string;
  readonly scope: string;
}

/** Runs a handler with its key, and returns the response that this or an earlier run made. */
export async function runKeyed<TTransaction, TRequest extends Request, TArg>(
  route: Route<TTransaction, TRequest, TArg>,
  identity: Identity & { readonly isRetry: boolean },
  { request, arg }: Call<TRequest, TArg>,
): Promise<Response> {
  const { settings, handler, idempotency } = route;
  const { method, url } = request;
  const buffered = await bufferRequest(request, settings.bodyBytesMax, arg);
  const input =
    settings.input === undefined
      ? await comparableRequest({ method, url, headers: buffered.headers }, buffered.body)
      : await settings.input(buffered.unread(), arg);
  const execution = executionOf(route, identity, handler.mode);
  const run = async (): Promise<SettledRun<StoredResponse>> => {
    if (handler.mode === "transaction") {
      return idempotency.runSettled({ ...identity, input }, (context) =>
        execution.stored(() => handler.handle(buffered.unread(), context, arg)),
      );
    }
    const storedInput = keptOf(settings, request, buffered);
    return idempotency.runLeasedSettled({ ...identity, input, storedInput }, (context) =>
      execution.stored(() => handler.handle(explainingLost(requestFrom(storedInput), request), context, arg)),
    );
  };
  try {
    return answerOf(identity.operation, await run(), execution);
  } catch (error) {
    return execution.unrecorded(error);
  } finally {
    execution.end();
  }
}

/**
 * Executes an abandoned run to its end. What a retry must repeat is in its record already.
 *
 * @throws what the handler threw, or its response, if that released the key.
 */
export async function resumeRun<TTransaction, TArg>(
  { settings, handle, idempotency }: ResumableRoute<TTransaction, TArg>,
  identity: Identity,
  { request, arg }: { readonly request: StoredRequest; readonly arg: TArg },
): Promise<void> {
  const execution = executionOf({ settings, idempotency }, identity, "lease");
  try {
    await idempotency.runLeasedSettled(identity, (context) =>
      execution.stored(() => handle(requestFrom(request), context, arg)),
    );
  } finally {
    execution.end();
  }
}

/** Runs a handler without a record. The body of its response is left to the framework. */
export async function runUnkeyed<TTransaction, TRequest extends Request, TArg>(
  { settings, handler, idempotency }: Route<TTransaction, TRequest, TArg>,
  { request, arg }: Call<TRequest, TArg>,
): Promise<Response> {
  try {
    if (handler.mode === "lease") {
      const kept = keptOf(settings, request, await bufferRequest(request, settings.bodyBytesMax, arg));
      return await idempotency.runLeasedUnkeyed((context) =>
        responseOfHandler(() => handler.handle(explainingLost(requestFrom(kept), request), context, arg)),
      );
    }
    const readable = await readableRequest(request, arg);
    return await idempotency.runUnkeyed(async (context) => {
      const response = await responseOfHandler(() => handler.handle(readable, context, arg));
      if (isResponse(response) && checkOutcome(settings.outcome(response)) !== "commit") {
        throw new ReleasedResponse(response);
      }
      return response;
    });
  } catch (error) {
    rememberTold(error, { outcome: undefined, replayed: false });
    return releasedResponse(error);
  }
}

function executionOf(
  {
    settings,
    idempotency,
  }: { readonly settings: ResponseSettings; readonly idempotency: Pick<Idempotency<never>, "options"> },
  { operation }: Identity,
  mode: Mode,
): Execution {
  const { storedHeaders, outcome } = settings;
  const { resultBytesMax: bytesMax, transaction } = idempotency.options;
  // The heartbeat would keep the lease, and the client waiting, for as long as a body goes on.
  const bodyMs = mode === "lease" ? transaction.timeoutMs : undefined;
  return new Execution({ operation, storedHeaders, outcome, bytesMax, bodyMs });
}

function keptOf(
  { requestHeaders }: Pick<Settings<never, never, never>, "requestHeaders">,
  request: Request,
  buffered: BufferedRequest<Request>,
): StoredRequest {
  return storedRequest(request, buffered, requestHeaders);
}

function answerOf(operation: string, settled: SettledRun<StoredResponse>, execution: Execution): Response {
  const { replayed } = settled;
  if (settled.status === "failed" && !(settled.error instanceof FailedResponse)) {
    rememberTold(settled.error, { outcome: "stored", replayed });
    throw settled.error;
  }
  const stored = settled.status === "completed" ? settled.value : (settled.error as FailedResponse).stored;
  const response = replayed ? replayOf(operation, stored) : execution.first(stored);
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
