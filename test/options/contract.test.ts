/** Options whose checks need no database. */
import { describe, expect, test } from "vitest";
import { answerPlace } from "../../src/core/contract/options/encryption.ts";
import { resolveOptions } from "../../src/core/contract/options/options.ts";
import { checkReplayCache, type ReplayCache } from "../../src/core/contract/options/replay-cache.ts";
import { NotStoredError } from "../../src/core/contract/store.ts";

const functions = { get: () => 1, set: () => 1, delete: () => 1 };

describe("a cache of replays", () => {
  const check = (cache: object | null | undefined) => () => checkReplayCache(cache as ReplayCache);

  test("has its functions, and a namespace of its own", () => {
    expect(check(undefined)).not.toThrow();
    expect(check({ ...functions, namespace: "shop" })).not.toThrow();
    for (const name of ["get", "set", "delete"]) {
      expect(check({ ...functions, namespace: "shop", [name]: 1 })).toThrow(
        "option replayCache is of type object; give an object with the functions get and set and delete",
      );
    }
  });

  test.each([
    ["keyv", "Keyv's default namespace"],
    ["", "no namespace"],
    [undefined, "no namespace"],
    [5, "no namespace"],
  ])("with the namespace %s is refused", (namespace, found) => {
    expect(check({ ...functions, namespace })).toThrow(TypeError);
    expect(check({ ...functions, namespace })).toThrow(
      `onceonly: option replayCache has ${found}; give one that`,
    );
  });
});

describe("options of a run", () => {
  test("take classes of errors, written as classes or as functions", () => {
    function Old() {}
    class New extends Error {}
    expect(resolveOptions({ errorClasses: [New, Old as never] }).errorClasses).toEqual([New, Old]);
    for (const errorClasses of [New, [New, "New"], [() => 1], [{ prototype: {} }], [{}]]) {
      expect(() => resolveOptions({ errorClasses: errorClasses as never })).toThrow(
        "option errorClasses is of type",
      );
    }
  });

  test("take no codec of the name that stands before encrypted texts", () => {
    const codec = { name: "aes-256-gcm", encode: String, decode: String };
    expect(() => resolveOptions({ codec })).toThrow(
      "give another name: this one stands before texts that are encrypted",
    );
    expect(() => resolveOptions({ codec: { ...codec, name: "a:b" } })).toThrow("option codec.name");
  });
});

test("an outcome's place is its record, its column and its status", () => {
  expect(answerPlace("i", "failed")).toEqual({ id: "i", column: "response", name: "failed" });
});

test("an outcome that was not stored says why, with its cause", () => {
  const cause = new Error("no");
  expect(new NotStoredError("lost", cause)).toMatchObject({
    message: "The outcome was not stored (lost)",
    cause,
  });
});
