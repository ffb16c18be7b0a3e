import { describe, expect, test, vi } from "vitest";
import {
  type AnyIdempotencyError,
  IdempotencyError,
  type IdempotencyErrorCode,
  isIdempotencyError,
} from "../../src/core/contract/errors/errors.ts";

/** Every code, checked by the type system for completeness. */
const retryable: Record<IdempotencyErrorCode, boolean> = {
  KEY_MISSING: false,
  KEY_INVALID: false,
  KEY_REUSED: false,
  IN_PROGRESS: true,
  CLAIM_LOST: true,
  LEASE_LOST: true,
  ATTEMPTS_EXHAUSTED: false,
  STORE_UNAVAILABLE: true,
  STORE_MISCONFIGURED: false,
  RESULT_UNSTORABLE: false,
  RESULT_UNREADABLE: false,
  INPUT_INVALID: false,
  SCOPE_MISSING: false,
};
const codes = Object.keys(retryable) as IdempotencyErrorCode[];
const errorOf = (code: IdempotencyErrorCode) => new IdempotencyError(code, "m", { operation: "o" } as never);

describe("IdempotencyError", () => {
  test.each(codes)("%s says whether a retry with the same key may succeed, and when", (code) => {
    const error = errorOf(code);
    expect(error.retryable).toBe(retryable[code]);
    expect(error.retryAfterMs).toBe(retryable[code] ? 1_000 : undefined);
  });

  test("is an Error with name, message, code and details", () => {
    const error = new IdempotencyError("KEY_INVALID", "bad key", { reason: "empty" });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: "IdempotencyError",
      code: "KEY_INVALID",
      details: { reason: "empty" },
    });
    expect(String(error)).toBe("IdempotencyError: bad key");
  });

  test("has a cause only where one was given, even an undefined one", () => {
    expect("cause" in errorOf("KEY_REUSED")).toBe(false);
    const caused = new IdempotencyError("KEY_REUSED", "m", { operation: "o" }, { cause: undefined });
    expect("cause" in caused).toBe(true);
  });

  test("shows its brand to nobody who lists or serialises it", () => {
    const error = errorOf("KEY_REUSED");
    expect(Object.keys(error).toSorted()).toEqual(["code", "details", "name", "retryAfterMs", "retryable"]);
    expect(
      Object.getOwnPropertySymbols(error).filter((symbol) => Object.keys(error).includes(String(symbol))),
    ).toEqual([]);
  });
});

describe("isIdempotencyError", () => {
  test("knows an error of another copy of the package, which instanceof does not", async () => {
    vi.resetModules();
    const copy = await import("../../src/core/contract/errors/errors.ts");
    expect(copy.IdempotencyError).not.toBe(IdempotencyError);
    const foreign: unknown = new copy.IdempotencyError("IN_PROGRESS", "m", { operation: "o" });
    expect(foreign instanceof IdempotencyError).toBe(false);
    expect(isIdempotencyError(foreign)).toBe(true);
    expect(copy.isIdempotencyError(errorOf("IN_PROGRESS"))).toBe(true);
  });

  test("is not fooled by an error that looks like one", () => {
    const alike = Object.assign(new Error("m"), {
      name: "IdempotencyError",
      code: "KEY_REUSED",
      details: {},
    });
    expect([alike, JSON.parse(JSON.stringify(errorOf("KEY_REUSED")))].map(isIdempotencyError)).toEqual([
      false,
      false,
    ]);
  });

  test.each([undefined, null, 0, "IdempotencyError", Symbol.for("onceonly.IdempotencyError"), () => {}, {}])(
    "refuses %o",
    (value) => {
      expect(isIdempotencyError(value)).toBe(false);
    },
  );

  test("narrows the details by the code", () => {
    const describeError = (error: AnyIdempotencyError): string => {
      switch (error.code) {
        case "KEY_INVALID":
          return error.details.reason;
        case "RESULT_UNSTORABLE":
          return `${error.details.operation} ${error.details.path}`;
        default:
          return error.details.operation;
      }
    };
    const unstorable = new IdempotencyError("RESULT_UNSTORABLE", "m", { operation: "o", path: ".a" });
    const invalid = new IdempotencyError("KEY_INVALID", "m", { reason: "too_long" });
    const texts = [unstorable, invalid, errorOf("LEASE_LOST")].filter(isIdempotencyError).map(describeError);
    expect(texts).toEqual(["o .a", "too_long", "o"]);
  });
});
