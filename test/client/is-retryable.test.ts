import { expect, it } from "vitest";
import { isRetryable } from "../../src/client/index.ts";

it.each([
  ["fetch's network error", new TypeError("fetch failed", { cause: new Error("reset") }), true],
  ["a time-out", new DOMException("slow", "TimeoutError"), true],
  ["an abort", new DOMException("gone", "AbortError"), false],
  ["a Response with 503", new Response(null, { status: 503 }), true],
  ["a Response with 422", new Response(null, { status: 422 }), false],
  ["a problem document IN_PROGRESS", { type: "urn:onceonly:problem:in-progress", status: 409 }, true],
  [
    "a problem document CLAIM_LOST of an API with a page of its own",
    { type: "https://api.example.com/docs/idempotency#claim-lost", status: 409 },
    true,
  ],
  [
    "a problem document KEY_REUSED",
    { type: "https://api.example.com/docs/idempotency#key-reused", status: 409 },
    false,
  ],
  [
    "tRPC's CLAIM_LOST",
    { message: "The claim of o was lost; nothing of it was committed.", data: { httpStatus: 409 } },
    true,
  ],
  ["another conflict", { type: "about:blank", status: 409 }, false],
  ["any other error", new Error("a bug"), false],
  ["nothing", undefined, false],
])("isRetryable knows %s", (_, failure, expected) => {
  expect(isRetryable(failure)).toBe(expected);
});
