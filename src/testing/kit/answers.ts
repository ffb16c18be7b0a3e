import { isDeepStrictEqual } from "node:util";
import type { CallEnd } from "./watch.ts";

/** What a caller gets, without the marks of a replay. */
export async function answerOf(end: CallEnd): Promise<unknown> {
  if (end.state === "rejected") {
    return { error: String(end.error) };
  }
  const { value } = end;
  if (isResponse(value)) {
    // The mutation may have read its body; then its status is left.
    const text = await value
      .clone()
      .text()
      .catch(() => "");
    return { status: value.status, body: bodyOf(text) };
  }
  return withoutMarks(value);
}

export const isSame = (first: unknown, second: unknown): boolean => isDeepStrictEqual(first, second);

interface ResponseLike {
  readonly status: unknown;
  clone(): { text(): Promise<string> };
}

function isResponse(value: unknown): value is ResponseLike {
  const response = value as Partial<Record<"clone" | "text", unknown>> | null | undefined;
  return (
    typeof response?.clone === "function" &&
    typeof response.text === "function" &&
    Reflect.get(response, "bodyUsed") !== true
  );
}

function bodyOf(text: string): unknown {
  try {
    const body: unknown = JSON.parse(text);
    return Array.isArray(body) ? body.map(withoutMarks) : withoutMarks(body);
  } catch {
    return text;
  }
}

/** `replayed` of the results of runs and of consumed messages; `extensions.idempotency` of Yoga. */
function withoutMarks(value: unknown): unknown {
  if (typeof value !== "object" || value === null) {
    return value;
  }
  if ("replayed" in value && typeof value.replayed === "boolean") {
    const { replayed: _, ...rest } = value;
    return rest;
  }
  if ("extensions" in value && typeof value.extensions === "object") {
    const { idempotency: _, ...extensions } = (value.extensions ?? {}) as { idempotency?: unknown };
    return { ...value, extensions };
  }
  return value;
}
