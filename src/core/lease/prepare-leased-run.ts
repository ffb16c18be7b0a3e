import { isIdempotencyError } from "../contract/errors/errors.ts";
import type { LeaseRequest } from "../contract/idempotency.ts";
import { type Codec, UnstorableValueError } from "../contract/options/codec.ts";
import { leaseMsOf, type ResolvedRunOptions, storeAll } from "../contract/options/options.ts";
import type { CallEvents } from "../events/call-events.ts";
import { redacted } from "../outcome/redacted.ts";
import { decodedText, encodedText } from "../outcome/stored-outcome.ts";
import { type PreparedRun, prepareRun } from "../request/prepare.ts";

/**
 * Prepares a leased run: with the option `storeInput`, its input goes into the record, encoded by `inputCodec`, the one that
 * completers know.
 *
 * @throws as {@link prepareRun}; TypeError for an input that cannot be stored.
 */
export async function prepareLeasedRun(
  request: LeaseRequest,
  base: ResolvedRunOptions,
  inputCodec: Codec,
  events?: CallEvents,
): Promise<PreparedRun> {
  const prepared = await prepareRun(request, base, events);
  const { options } = prepared;
  const run = { ...prepared, options: { ...options, leaseMs: leaseMsOf(options) } };
  if (!run.options.storeInput) {
    return run;
  }
  // A `storedInput` that is present but `undefined` is how the input was before it was parsed.
  const input = "storedInput" in request ? request.storedInput : request.input;
  try {
    const whole = encodedText(inputCodec, input);
    return { ...run, input: run.options.redact === storeAll ? whole : redactedInput(run, inputCodec, whole) };
  } catch (cause) {
    if (isIdempotencyError(cause)) {
      throw cause;
    }
    const path = cause instanceof UnstorableValueError ? cause.path : "";
    throw new TypeError(
      `onceonly: the input of ${run.operation} cannot be stored${path && ` at ${path}`}, so no completer could use it; ` +
        "give storeInput: false for this operation, or an input of plain data.",
      { cause },
    );
  }
}

/** Of a copy: the handler gets the whole input. */
function redactedInput(run: PreparedRun, codec: Codec, whole: string): string {
  return encodedText(codec, redacted(run, decodedText(codec, whole), "input"));
}
