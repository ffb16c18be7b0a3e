import { answeredAtOnce } from "../contract/callbacks.ts";
import { IdempotencyError } from "../contract/errors/errors.ts";
import type { ResolvedRunOptions } from "../contract/options/options.ts";
import type { PreparedRun } from "../request/prepare.ts";

/**
 * What is stored in place of `value`.
 *
 * @throws {@link IdempotencyError} `RESULT_UNSTORABLE` if `redact` throws: what it was to take away must not be stored.
 */
export function redacted(
  { operation, options: { redact } }: Pick<PreparedRun, "operation" | "options">,
  value: unknown,
  kind: Parameters<ResolvedRunOptions["redact"]>[1],
): unknown {
  try {
    return answeredAtOnce("redact", redact(value, kind));
  } catch (cause) {
    throw new IdempotencyError(
      "RESULT_UNSTORABLE",
      `The ${kind} of ${operation} cannot be stored: option redact failed, and its error is the cause of this one; nothing was stored.`,
      { operation },
      { cause },
    );
  }
}
