/** The whole sentence about an option that does not exist, or about options that are no object. */
import { describe, expect, test } from "vitest";
import { checkOptionNames, nearestTo } from "../../src/core/contract/options/option-names.ts";

const known = {
  prisma: "required",
  scope: "required",
  attemptsMax: true,
  pollMs: true,
  retentionMs: true,
} as const;

const messageFor = (
  options: unknown,
  names: Parameters<typeof checkOptionNames>[1] = known,
  path: `${string}.` | "" = "",
) => {
  try {
    checkOptionNames(options as object, names, path);
    return "none";
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return (error as TypeError).message;
  }
};

const given = { prisma: 1, scope: 1 };
const ALL = "prisma (required), scope (required), attemptsMax, pollMs, retentionMs";

describe("options", () => {
  test.each<[unknown, string]>([
    [{ ...given, pollms: 1 }, "there is no option pollms; did you mean pollMs?"],
    [{ ...given, maxAttempts: 1 }, "there is no option maxAttempts; did you mean attemptsMax?"],
    [{ ...given, MAXattempts: undefined }, "none"],
    [{ ...given, ttl: 1 }, "there is no option ttl; did you mean retentionMs?"],
    [{ ...given, TTL: 1 }, "there is no option TTL; did you mean retentionMs?"],
    [{ ...given, colour: 1 }, `there is no option colour; there are ${ALL}.`],
    // Its alias is given already.
    [{ ...given, retentionMs: 1, ttl: 1 }, `there is no option ttl; there are ${ALL}.`],
    // What is near is given already, and nothing else is meant.
    [{ ...given, pollMs: 1, pollMS: 1 }, "there is no option pollMS; did you mean pollMs?"],
    // The only one that is missing is meant, whatever it is called.
    [{ prisma: 1, colour: 1 }, "option scope is missing, and there is no option colour; did you mean scope?"],
    [{ prisma: 1, scopes: 1 }, "option scope is missing, and there is no option scopes; did you mean scope?"],
    [
      { colour: 1 },
      `option prisma and option scope are missing, and there is no option colour; there are ${ALL}.`,
    ],
    [
      { client: 1 },
      "option prisma and option scope are missing, and there is no option client; did you mean prisma?",
    ],
  ])("%# are told what was meant", (options, message) => {
    expect(messageFor(options)).toBe(message === "none" ? message : `onceonly: ${message}`);
  });

  test("have their path in the sentence", () => {
    const names = { timeoutMs: true, maxWaitMs: true } as const;
    expect(messageFor({ timeoutMS: 1 }, names, "transaction.")).toBe(
      "onceonly: there is no option transaction.timeoutMS; did you mean transaction.timeoutMs?",
    );
    expect(messageFor(5, names, "transaction.")).toBe(
      "onceonly: option transaction is of type number; give an object with timeoutMs, maxWaitMs.",
    );
    expect(messageFor(null)).toBe(`onceonly: the options are of type null; give an object with ${ALL}.`);
    expect(messageFor(undefined)).toBe(
      `onceonly: the options are of type undefined; give an object with ${ALL}.`,
    );
  });

  test("may come from a prototype, and have no names of Object's", () => {
    expect(messageFor(Object.create({ ...given, pollms: 1 }))).toContain("no option pollms");
    expect(messageFor({ ...given, toString: 1 })).toContain("no option toString");
  });

  test("are near up to a third of the longer name", () => {
    expect(nearestTo("abcdef", ["abcdxy"])).toBe("abcdxy");
    expect(nearestTo("abcdef", ["abcxyz"])).toBeUndefined();
    expect(nearestTo("abcd", ["abcdef"])).toBe("abcdef");
    expect(nearestTo("abcdef", ["abcd"])).toBe("abcd");
    expect(nearestTo("ABC", ["abc"])).toBe("abc");
    expect(nearestTo("abc", [])).toBeUndefined();
  });
});
