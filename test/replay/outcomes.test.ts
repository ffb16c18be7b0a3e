/** How an answer becomes a text and an answer again, and what is said where that fails. Without a database. */
import { describe, expect, test } from "vitest";
import { IdempotencyError } from "../../src/core/contract/errors/errors.ts";
import { UnstorableValueError } from "../../src/core/contract/options/codec.ts";
import { answerOf } from "../../src/core/outcome/answer.ts";
import { decodeCached, encodeCached } from "../../src/core/outcome/cached-outcome.ts";
import { decodedText, encodedText, encodeStored, replay } from "../../src/core/outcome/stored-outcome.ts";
import type { PreparedRun } from "../../src/core/request/prepare.ts";
import { preparedWith, warningsDuring } from "../support/runs.ts";

const json = {
  name: "json",
  encode: (value: unknown) => JSON.stringify(value),
  decode: (text: string): unknown => JSON.parse(text),
};
const failing = (error: unknown) => () => {
  throw error;
};
const errorOf = (work: () => unknown): Error & Record<string, unknown> => {
  try {
    work();
  } catch (error) {
    return error as never;
  }
  return expect.fail();
};

describe("a value that is stored", () => {
  test("may take as many bytes as resultBytesMax, not one more", async () => {
    const fits = await preparedWith({ codec: json, resultBytesMax: 'json:"äa"'.length + 1 });
    expect(encodeStored(fits, "äa", "a step")).toBe('json:"äa"');
    const error = errorOf(() => encodeStored(fits, "äaa", "a step"));
    expect(error).not.toHaveProperty("cause");
    expect(error).toMatchObject({
      code: "RESULT_UNSTORABLE",
      message:
        "The result of a step takes 11 bytes; resultBytesMax is 10. It was not stored, as it could not be replayed; return plain data.",
      details: { operation: "orders.place" },
    });
  });

  test.each<[unknown, string, object]>([
    [
      new UnstorableValueError("Cannot store a function", ".items[0]"),
      "cannot be stored at .items[0] (Cannot store a function)",
      { path: ".items[0]" },
    ],
    [
      new UnstorableValueError("Cannot store a function", ""),
      "cannot be stored (Cannot store a function)",
      { path: "" },
    ],
    [new Error("secret"), "cannot be stored (the error that it met is the cause of this one)", {}],
  ])("%# cannot be stored: says where, and no word of another's", async (cause, problem, more) => {
    const run = await preparedWith({ codec: { ...json, encode: failing(cause) } });
    const error = errorOf(() => encodeStored(run, 1, "orders.place"));
    expect(error).toMatchObject({
      code: "RESULT_UNSTORABLE",
      cause,
      message: expect.stringContaining(problem),
    });
    expect(error["details"]).toEqual({ operation: "orders.place", ...more });
  });

  test("has the name of its codec before it, and nothing else reads it", () => {
    expect(encodedText(json, { a: 1 })).toBe('json:{"a":1}');
    expect(decodedText(json, 'json:{"a":":"}')).toEqual({ a: ":" });
    expect(() => encodedText({ ...json, encode: () => 5 as never }, 1)).toThrow(
      "codec.encode returned number instead of a string",
    );
    expect(() => encodedText({ ...json, encode: async () => "x" } as never, 1)).toThrow(
      "codec.encode returned a promise",
    );
    expect(() => decodedText({ ...json, decode: async () => 1 } as never, "json:1")).toThrow(
      "codec.decode returned a promise",
    );
  });

  test.each([
    ["superjson:1", 'it was stored by the codec "superjson", and is read by "json"'],
    ["1", 'it was stored by an unknown codec, and is read by "json"'],
    [":1", 'it was stored by an unknown codec, and is read by "json"'],
    ["<script>:1", 'it was stored by an unknown codec, and is read by "json"'],
    [`${"x".repeat(64)}:1`, `it was stored by the codec "${"x".repeat(64)}"`],
    [`${"x".repeat(65)}:1`, "it was stored by an unknown codec"],
    [
      "aes-256-gcm:a:AAAA",
      'it is encrypted by the key "a", which this process does not have, or it was changed',
    ],
    ["aes-256-gcm", 'it was stored by an unknown codec, and is read by "json"'],
    ["aes-256-gcm:<b>:AAAA", "it is encrypted by an unknown key"],
    [
      "aes-256-gcm:!:x",
      'it was stored without encryption, which option encryption.plaintext: "refuse" does not take',
    ],
  ])("%s says who could read it", (text, reason) => {
    expect(() => decodedText(json, text)).toThrow(reason);
  });
});

describe("a replay", () => {
  const record = (run: PreparedRun, more: object) => ({
    status: "completed" as const,
    fingerprint: run.fingerprint,
    owner: "o",
    response: "json:1",
    ...more,
  });

  test("is of the same input, readable, and of the kind that was stored", async () => {
    const run = await preparedWith({ codec: json });
    expect(replay(run, record(run, {}))).toEqual({ status: "completed", value: 1, replayed: true });
    const stored = JSON.stringify({ name: "TypeError", message: "no", properties: {} });
    expect(replay(run, record(run, { status: "failed", response: `json:${stored}` }))).toEqual({
      status: "failed",
      error: new TypeError("no"),
      replayed: true,
    });
    expect(errorOf(() => replay(run, record(run, { fingerprint: "other" })))).toMatchObject({
      code: "KEY_REUSED",
      details: { operation: "orders.place" },
    });
    for (const broken of [{ response: "json:{" }, { response: "other:1" }]) {
      const error = errorOf(() => replay(run, record(run, broken)));
      expect(error).toMatchObject({ code: "RESULT_UNREADABLE", details: { operation: "orders.place" } });
      expect(error.cause).toBeInstanceOf(Error);
    }
    const cause = new Error("no class");
    const failed = await preparedWith({
      codec: json,
      errors: { serialize: String, deserialize: failing(cause) },
    });
    expect(errorOf(() => replay(failed, record(failed, { status: "failed" })))).toMatchObject({
      code: "RESULT_UNREADABLE",
      cause,
    });
  });
});

describe("an answer", () => {
  const no = new RangeError("no");

  test("is what was read back from its text", async () => {
    const run = await preparedWith();
    const value = { at: new Date(5) };
    const { settled, response } = await answerOf(run, async () => value);
    expect(settled).toEqual({ status: "completed", value, replayed: false });
    expect(settled).not.toHaveProperty(
      "value",
      expect.toSatisfy((read) => read === value),
    );
    expect(decodedText(run.options.codec, response)).toEqual(value);
  });

  test("is an error if storeError says so, is no failure of ours, and nothing was aborted", async () => {
    const run = await preparedWith({ storeError: (error) => error === no || error instanceof Error });
    expect((await answerOf(run, () => Promise.reject(no))).settled).toEqual({
      status: "failed",
      error: no,
      replayed: false,
    });
    await expect(answerOf(await preparedWith(), () => Promise.reject(no))).rejects.toBe(no);
    await expect(
      answerOf(await preparedWith({ storeError: () => 1 as never }), () => Promise.reject(no)),
    ).rejects.toBe(no);
    await expect(answerOf(run, () => Promise.reject(no), AbortSignal.abort())).rejects.toBe(no);
    expect((await answerOf(run, () => Promise.reject(no), new AbortController().signal)).settled.status).toBe(
      "failed",
    );
    const ours = new IdempotencyError("LEASE_LOST", "lost", {} as never);
    const wrapped = new Error("wrapped", { cause: ours });
    await expect(answerOf(run, () => Promise.reject(ours))).rejects.toBe(ours);
    await expect(answerOf(run, () => Promise.reject(wrapped))).rejects.toBe(wrapped);
  });

  test("that is an error and cannot be stored is thrown as it was", async () => {
    const run = await preparedWith({
      storeError: () => true,
      errors: { serialize: failing(new Error("other")), deserialize: String as never },
    });
    await expect(answerOf(run, () => Promise.reject(no))).rejects.toBe(no);
  });

  test("is redacted in the row alone, as a copy", async () => {
    const run = await preparedWith({
      storeError: () => true,
      redact: (value, kind) => Object.assign(value as object, { card: `none of a ${kind}` }),
    });
    const completed = await answerOf(run, async () => ({ card: "4242-4242" }));
    expect(completed.settled).toMatchObject({ value: { card: "4242-4242" } });
    expect(decodedText(run.options.codec, completed.response)).toEqual({ card: "none of a result" });
    const error = Object.assign(new Error("no"), { card: "4242-4242" });
    const failed = await answerOf(run, () => Promise.reject(error));
    expect(failed.settled).toMatchObject({ status: "failed", error });
    expect(error.card).toBe("4242-4242");
    expect(failed.response).toContain("none of a error");
    expect(failed.response).not.toContain("4242-4242");
  });

  test("that cannot be redacted is not stored", async () => {
    const cause = new Error("no field");
    const run = await preparedWith({ storeError: () => true, redact: failing(cause) });
    await expect(answerOf(run, async () => 1)).rejects.toMatchObject({
      code: "RESULT_UNSTORABLE",
      details: { operation: "orders.place" },
      cause,
    });
    const warnings = await warningsDuring(() =>
      expect(answerOf(run, () => Promise.reject(no))).rejects.toBe(no),
    );
    expect(warnings).toMatchObject([
      {
        name: "OnceonlyRedactWarning",
        message: expect.stringContaining("An error of orders.place was not stored"),
      },
    ]);
    const unreadable = await preparedWith({ redact: () => () => 1 });
    await expect(answerOf(unreadable, async () => 1)).rejects.toMatchObject({ code: "RESULT_UNSTORABLE" });
  });
});

describe("a cached outcome", () => {
  const record = { status: "completed", fingerprint: "f", owner: "o", response: "r" } as const;
  const entry = { format: 1, id: "i", ...record, expiresAt: 10 };

  test("is read as it was written", () => {
    expect(JSON.parse(encodeCached({ id: "i", record, expiresAt: 10 }))).toEqual(entry);
    expect(decodeCached(JSON.stringify(entry), "i", 9)).toEqual(record);
    expect(decodeCached(JSON.stringify({ ...entry, status: "failed" }), "i", 9)).toEqual({
      ...record,
      status: "failed",
    });
  });

  test.each<object>([
    { format: 2 },
    { id: "other" },
    { status: "in_progress" },
    { expiresAt: 9 },
    { expiresAt: "10" },
    { expiresAt: null },
    { fingerprint: 1 },
    { owner: 1 },
    { response: 1 },
  ])("with %o is none", (more) => {
    expect(decodeCached(JSON.stringify({ ...entry, ...more }), "i", 9)).toBeUndefined();
  });

  test("is no object, and no text", () => {
    for (const found of ["null", "5", '"x"', "{", "", undefined, entry]) {
      expect(decodeCached(found, "i", 9)).toBeUndefined();
    }
  });
});
