/** An option that does not exist is refused where it is given, and the nearest one is named. */
import { describe, expect, test } from "vitest";
import { checkOptionNames } from "../../src/core/contract/options/option-names.ts";
import { withIdempotency } from "../../src/http/index.ts";
import { createCompleter, createIdempotency } from "../../src/index.ts";
import { consumeOnce } from "../../src/messages/index.ts";
import { idempotencyMiddleware, trpcCompleter } from "../../src/trpc/index.ts";
import { useIdempotency } from "../../src/yoga/index.ts";
import { openSqlite } from "../support/database.ts";
import { request } from "../support/runs.ts";
import { t } from "../trpc/support.ts";

describe("an unknown option", () => {
  test("is a TypeError that names the nearest, in every constructor", async () => {
    await using db = await openSqlite();
    const idempotency = createIdempotency({ prisma: db.prisma, storeInput: true });
    const adapter = { idempotency, scope: "global" } as const;
    const handlers = { a: async () => 1 };
    const makers: Record<string, readonly [(options: object) => unknown, typo: string, meant: string]> = {
      createIdempotency: [(o) => createIdempotency({ prisma: db.prisma, ...o }), "retention", "retentionMs"],
      with: [(o) => idempotency.with(o), "onDuplicates", "onDuplicate"],
      idempotencyMiddleware: [
        (o) => idempotencyMiddleware({ ...adapter, ...o }),
        "storeErrors",
        "storeError",
      ],
      useIdempotency: [(o) => useIdempotency({ ...adapter, ...o }), "requireKeys", "requireKey"],
      withIdempotency: [
        (o) => withIdempotency({ ...adapter, ...o }, () => new Response()),
        "bodybytesMax",
        "bodyBytesMax",
      ],
      consumeOnce: [
        (o) => consumeOnce({ idempotency, consumer: "c", id: () => "1", ...o }),
        "onPoisoned",
        "onPoison",
      ],
      createCompleter: [(o) => createCompleter({ idempotency, handlers, ...o }), "pollMS", "pollMs"],
      "createCompleter's handler": [
        (o) => createCompleter({ idempotency, handlers: { a: { handler: handlers.a, ...o } } }),
        "leaseMS",
        "leaseMs",
      ],
      trpcCompleter: [
        (o) => trpcCompleter({ idempotency, router: t.router({}), createContext: () => ({}) as never, ...o }),
        "onGiveup",
        "onGiveUp",
      ],
    };
    expect(() => idempotency.with({ transaction: { timeout: 5 } as never })).toThrow(
      new TypeError("onceonly: there is no option transaction.timeout; did you mean transaction.timeoutMs?"),
    );
    for (const [make, typo, meant] of Object.values(makers)) {
      const message = `onceonly: there is no option ${typo}; did you mean ${meant}?`;
      expect(() => make({ [typo]: 5 })).toThrow(new TypeError(message));
      expect(() => make({ [typo]: undefined })).not.toThrow();
    }
  });

  test("is a TypeError of the run that it is given to, and of a run without a key", async () => {
    await using db = await openSqlite();
    const idempotency = createIdempotency({ prisma: db.prisma });
    const work = async () => 1;
    const meant = "there is no option waitMS; did you mean waitMs?";
    await expect(idempotency.run(request("k", { waitMS: 5 }), work)).rejects.toThrow(meant);
    await expect(idempotency.runLeased(request("k", { waitMS: 5 }), work)).rejects.toThrow(meant);
    await expect(idempotency.runUnkeyed(work, { waitMS: 5 } as object)).rejects.toThrow(meant);
    await expect(idempotency.runLeasedUnkeyed(work, { waitMS: 5 } as object)).rejects.toThrow(meant);
    expect(await idempotency.run(request("k", { waitMS: undefined }), work)).toMatchObject({ value: 1 });
  });

  test.each([
    ["maxAttempts", "attemptsMax"],
    ["createContext", "createArg"],
    ["TTL", "retentionMs"],
    ["constructor", undefined],
  ])("is told what it is called here: %s", (name, meant) => {
    const known = { attemptsMax: true, createArg: true, retentionMs: true, codec: true } as const;
    const remedy =
      meant === undefined ? `there are ${Object.keys(known).join(", ")}.` : `did you mean ${meant}?`;
    expect(() => checkOptionNames({ [name]: 1 }, known)).toThrow(`there is no option ${name}; ${remedy}`);
    // What was given already was not meant again.
    expect(() =>
      checkOptionNames({ attemptsMax: 1, retries: 1 }, { attemptsMax: true, retryConflicts: true }),
    ).toThrow("there is no option retries; did you mean retryConflicts?");
  });

  test("that is like none is answered with all there are", async () => {
    await using db = await openSqlite();
    const make = () => createIdempotency({ prisma: db.prisma, database: "x" } as never);
    expect(make).toThrow(
      /there is no option database; there are prisma \(required\), retentionMs, .*, provider, models, guard, replayCache, encryption\./,
    );
  });
});

test("an unknown option that is like none is taken for the one that is required and missing", () => {
  expect(() => checkOptionNames({ colour: 1, key: "k" }, { key: "required", scope: "required" }, "")).toThrow(
    "onceonly: option scope is missing, and there is no option colour; did you mean scope?",
  );
});
