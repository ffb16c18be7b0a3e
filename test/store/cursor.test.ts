/** Where a list goes on, as a text; and what a record says of its run. */
import { describe, expect, test } from "vitest";
import { cursorOf, justBefore, placeOf } from "../../src/core/upkeep/cursor.ts";
import { factsOf } from "../../src/core/upkeep/facts.ts";

const id = "Ab-_".repeat(10) + "xyz";
const textOf = (cursor: string) => Buffer.from(cursor).toString("base64url");

describe("a cursor", () => {
  test.each([
    "2026-11-30T12:00:00",
    "2026-11-30T12:00:00Z",
    "2026-11-30T12:00:00.1",
    "2026-11-30T12:00:00.123456",
    "2026-11-30T12:00:00.123456+00:00",
    "2024-02-29T23:59:59.999Z",
  ])("%s is read as it was made", (expiresAt) => {
    expect(placeOf(cursorOf({ expiresAt, id }))).toEqual({ expiresAt, id });
    expect(cursorOf({ expiresAt, id })).toMatch(/^[\w-]+$/);
  });

  test.each<[string, unknown]>([
    ["no text", 7],
    ["null", null],
    ["an empty text", ""],
    ["a time alone", textOf("2026-11-30T12:00:00Z")],
    ["an id alone", textOf(id)],
    ["a short id", textOf(`2026-11-30T12:00:00Z ${id.slice(1)}`)],
    ["a long id", textOf(`2026-11-30T12:00:00Z ${id}x`)],
    ["something before it", textOf(`x2026-11-30T12:00:00Z ${id}`)],
    ["a day that does not exist", textOf(`2026-02-31T12:00:00Z ${id}`)],
    ["an hour that does not exist", textOf(`2026-02-01T25:00:00Z ${id}`)],
    ["another time zone", textOf(`2026-11-30T12:00:00+02:00 ${id}`)],
    ["a finer fraction", textOf(`2026-11-30T12:00:00.1234567Z ${id}`)],
  ])("that is %s is refused", (_what, cursor) => {
    expect(() => placeOf(cursor)).toThrow(TypeError);
    expect(() => placeOf(cursor)).toThrow(
      /^onceonly: option after is .*; give next of the page before, as it was\.$/,
    );
  });

  test("may be absent", () => {
    expect(placeOf(undefined)).toBeUndefined();
  });

  test.each([
    ["2026-11-30T12:00:00Z", "2026-11-30T12:00:00.001Z"],
    ["2026-11-30T12:00:00.5Z", "2026-11-30T12:00:00.501Z"],
    ["2026-11-30T12:00:00.123Z", "2026-11-30T12:00:00.124Z"],
    ["2026-11-30T12:00:00.123456+00:00", "2026-11-30T12:00:00.124000+00:00"],
    ["2026-11-30T12:00:00.123999", "2026-11-30T12:00:00.124000"],
    ["2026-12-31T23:59:59.999999Z", "2027-01-01T00:00:00.000000Z"],
  ])("just before %s names no record", (expiresAt, next) => {
    expect(justBefore({ expiresAt, id })).toEqual({ expiresAt: next, id: "-".repeat(43) });
  });
});

describe("a record", () => {
  const record = {
    operation: "orders.place",
    scope: "u",
    key: "k",
    status: "in_progress",
    owner: "o",
    attempt: 2,
    claimedAtMs: 1_000,
    finishedAtMs: null,
    expiresAtMs: 9_000,
    leasedUntilMs: 5_000,
    nowMs: 4_000,
  } as const;
  type Given = Parameters<typeof factsOf>[1];

  test("of a run that goes on", () => {
    expect(factsOf(id, record as Given)).toEqual({
      state: "in_progress",
      id,
      operation: "orders.place",
      scope: "u",
      key: "k",
      attempt: 2,
      claimedAt: new Date(1_000),
      finishedAt: undefined,
      expiresAt: new Date(9_000),
      isExpired: false,
      leasedUntil: new Date(5_000),
      isAbandoned: false,
    });
  });

  test.each<[string, object, object]>([
    ["a lease that is over", { nowMs: 5_000 }, { isAbandoned: true, isExpired: false }],
    ["a lease that is almost over", { nowMs: 4_999 }, { isAbandoned: false }],
    ["a claim that was given back", { owner: "" }, { isAbandoned: true }],
    ["no lease", { leasedUntilMs: null }, { isAbandoned: true, leasedUntil: undefined }],
    ["its end", { nowMs: 9_000 }, { isExpired: true }],
    ["almost its end", { nowMs: 8_999 }, { isExpired: false }],
    [
      "an outcome",
      { status: "completed", finishedAtMs: 2_000, owner: "", nowMs: 8_000 },
      { state: "completed", isAbandoned: false, leasedUntil: undefined, finishedAt: new Date(2_000) },
    ],
  ])("with %s", (_what, more, facts) => {
    expect(factsOf(id, { ...record, ...more } as Given)).toMatchObject(facts);
  });
});
