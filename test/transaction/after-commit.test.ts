import { once } from "node:events";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { runCallbacks } from "../../src/core/outcome/after-commit.ts";

async function warningOf(callback: () => unknown): Promise<Error & { cause?: unknown }> {
  const [warnings] = await Promise.all([once(process, "warning"), runCallbacks([callback])]);
  return warnings[0] as Error;
}

const unshowable = {
  [inspect.custom]() {
    throw new Error("hidden");
  },
};

describe("runCallbacks", () => {
  test("runs them one after the other, in order", async () => {
    const log: string[] = [];
    await runCallbacks([
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        log.push("first");
      },
      () => log.push("second"),
    ]);
    expect(log).toEqual(["first", "second"]);
  });

  test("goes on after one that failed", async () => {
    const log: string[] = [];
    const warned = once(process, "warning");
    await runCallbacks([() => Promise.reject(new Error("broken")), () => log.push("second")]);
    await warned;
    expect(log).toEqual(["second"]);
  });

  test.each<[string, unknown, string]>([
    ["an error", new Error("cache is gone"), "cache is gone"],
    ["text", "cache is gone", "cache is gone"],
    ["undefined", undefined, "undefined"],
    ["a symbol", Symbol("s"), "Symbol(s)"],
    ["an object that has no text", Object.create(null), "Object"],
    ["an object that cannot be shown", unshowable, "an error that cannot be shown"],
  ])("reports %s as a process warning by which an application can filter", async (_what, thrown, text) => {
    const warning = await warningOf(() => {
      throw thrown;
    });
    expect(warning.name).toBe("OnceonlyAfterCommitWarning");
    expect(warning.message).toContain(text);
  });

  test("reports where the error came from", async () => {
    const error = new Error("cache is gone");
    const warning = await warningOf(() => Promise.reject(error));
    expect(warning.cause).toBe(error);
  });
});
