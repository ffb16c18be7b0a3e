import { answeredAtOnce } from "../../core/contract/callbacks.ts";
import type { ErrorSerializer } from "../../core/contract/errors/error-serializer.ts";
import type { ResolvedRunOptions, RunOptions } from "../../core/contract/options/options.ts";
import type { StoredResponse } from "./stored-response.ts";

/** Carries a response out of a run that is not to be recorded. Those who log the errors of a completer see it. */
export class ReleasedResponse extends Error {
  readonly response: Response;

  constructor(response: Response) {
    super(`The handler answered ${response.status}, which releases the key`);
    this.response = response;
  }
}

/** A response that is stored as the handler's answer while the handler's writes are undone. */
export class FailedResponse extends Error {
  readonly stored: StoredResponse;

  constructor(stored: StoredResponse) {
    super(`The handler answered ${stored.status}, which is stored as a failure`);
    this.stored = stored;
  }
}

/** How a run stores a response that is a failure. A response is judged by its outcome; `storeError` is about errors. */
export function storingResponses({
  storeError,
  errors,
}: ResolvedRunOptions): Pick<RunOptions, "storeError" | "errors"> {
  return {
    storeError: (error) =>
      error instanceof FailedResponse ||
      (!(error instanceof ReleasedResponse) && answeredAtOnce("storeError", storeError?.(error)) === true),
    errors: withResponses(errors),
  };
}

/** What is stored as a failure: a response, or an error that `storeError` accepted. */
type StoredFailure = { readonly response: StoredResponse } | { readonly error: unknown };

function withResponses(errors: ErrorSerializer): ErrorSerializer {
  return {
    serialize: (error): StoredFailure =>
      error instanceof FailedResponse
        ? { response: error.stored }
        : { error: answeredAtOnce("errors.serialize", errors.serialize(error)) },
    deserialize: (stored, classes) => {
      const failure = stored as StoredFailure;
      return "response" in failure
        ? new FailedResponse(failure.response)
        : errors.deserialize(failure.error, classes);
    },
  };
}
