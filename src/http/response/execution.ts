// The global ones give numbers in Workers of before 2026-02-10.
import { clearTimeout, setTimeout } from "node:timers";
import { IdempotencyError } from "../../core/contract/errors/errors.ts";
import { checkOutcome, type ResponseHead, type ResponseOutcome } from "./outcome.ts";
import {
  isResponse,
  type ReadOptions,
  readResponse,
  responseOf,
  type StoredResponse,
} from "./stored-response.ts";
import { rememberTold, telling } from "./told-response.ts";
import { FailedResponse, ReleasedResponse } from "./undone-response.ts";

interface ExecutionOptions extends Omit<ReadOptions, "signal"> {
  /** How long the body of a response may take, in milliseconds; `undefined` where a transaction has a limit of its own. */
  readonly bodyMs?: number | undefined;
  readonly outcome: (response: ResponseHead) => ResponseOutcome;
}

/** What becomes of a handler's response in its run. */
export class Execution {
  readonly #options: ExecutionOptions;
  readonly #over = new AbortController();
  /** Of the response itself: its own caller gets more of them than are stored. */
  #headers: Headers | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ExecutionOptions) {
    this.#options = options;
  }

  /**
   * Calls the handler and reads its response to the end, inside of the run.
   *
   * @throws FailedResponse, ReleasedResponse for a response whose outcome is not `"commit"`.
   * @throws what the handler or its body fails with, and as {@link readResponse}.
   */
  async stored(handler: () => Response | Promise<Response>): Promise<StoredResponse> {
    const { outcome: outcomeOf, bodyMs, ...reading } = this.#options;
    const response = await responseOfHandler(handler).catch(released);
    const outcome = isResponse(response) ? checkOutcome(outcomeOf(response)) : "commit";
    if (outcome === "release") {
      throw new ReleasedResponse(response);
    }
    if (bodyMs !== undefined) {
      this.#timer = setTimeout(() => this.#over.abort(endless(reading.operation, bodyMs)), bodyMs);
    }
    const stored = await readResponse(response, { ...reading, signal: this.#over.signal });
    this.#headers = response.headers;
    if (outcome === "store") {
      throw new FailedResponse(stored);
    }
    return stored;
  }

  /** The response that its own caller gets. */
  first(stored: StoredResponse): Response {
    return responseOf(stored, this.#headers);
  }

  /**
   * The answer of a run that left no record. A response that was to be stored ends up here if it turned out too long to
   * store.
   *
   * @throws `error`, if it carries no response.
   */
  unrecorded(error: unknown): Response {
    const response = error instanceof FailedResponse ? this.first(error.stored) : releasedResponse(error);
    return telling(response, { outcome: "released", replayed: false });
  }

  /** If the run ran out of time, the reading of a body may still be under way. */
  end(): void {
    clearTimeout(this.#timer);
    this.#over.abort();
  }
}

function endless(operation: string, bodyMs: number): IdempotencyError<"RESULT_UNSTORABLE"> {
  return new IdempotencyError(
    "RESULT_UNSTORABLE",
    `The response of ${operation} has a body that did not end within ${bodyMs} ms (transaction.timeoutMs). It was not stored; ` +
      "do what takes longer in a step, before the response.",
    { operation },
  );
}

/** An error of ours that the handler throws is about another key. */
function released(error: unknown): never {
  rememberTold(error, { outcome: "released", replayed: false });
  throw error;
}

/** The response that a handler returns or throws: directly, as in Remix, or under `getResponse`, as in Hono. */
export async function responseOfHandler(handler: () => Response | Promise<Response>): Promise<Response> {
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

/** @throws `error`, if it carries no response. */
export function releasedResponse(error: unknown): Response {
  if (error instanceof ReleasedResponse) {
    return error.response;
  }
  throw error;
}
