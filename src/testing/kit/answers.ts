import { isDeepStrictEqual } from "node:util";
import type { CallEnd } from "./watch.ts";

interface ResponseLike {
  readonly status: unknown;
  clone(): { text(): Promise<string> };
}

/** What a caller gets, without what may differ between the first answer and a replay: the mark of the replay. */
export async function answerOf(end: CallEnd): Promise<unknown> {
  if (end.state === "rejected") {
    return { error: String(end.error) };
  }
  const { value } = end;
  if (isResponse(value)) {
    // One that was read before has given its answer to the test.
    const text = await value
      .clone()
      .text()
      .catch(() => undefined);
    return { status: value.status, text };
  }
  return isRunResult(value) ? value.value : value;
}

function isResponse(value: unknown): value is ResponseLike {
  const response = value as Partial<Record<"clone" | "text", unknown>> | null | undefined;
  return typeof response?.clone === "function" && typeof response.text === "function";
}

function isRunResult(value: unknown): value is { readonly value: unknown } {
  return typeof value === "object" && value !== null && "replayed" in value && "value" in value;
}

export const isSame = (first: unknown, second: unknown): boolean => isDeepStrictEqual(first, second);
