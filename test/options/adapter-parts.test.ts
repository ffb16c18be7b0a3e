/** What all adapters share: which idempotency a call has, which client its handler finds, what an answer tells, how a body is read. */
import { describe, expect, test } from "vitest";
import { discardRest, readChunks, TooManyBytesError } from "../../src/core/adapter/body.ts";
import { ChosenIdempotency, isIdempotency } from "../../src/core/adapter/chosen-idempotency.ts";
import { saysRetry } from "../../src/core/adapter/key-header.ts";
import { checkAdapterOptions, checkModeAndProvide } from "../../src/core/adapter/options.ts";
import { providedClient } from "../../src/core/adapter/provided-client.ts";
import { outcomeOfError, toldHeaders } from "../../src/core/adapter/told-outcome.ts";
import { IdempotencyError } from "../../src/core/contract/errors/errors.ts";
import type { Idempotency } from "../../src/core/contract/idempotency.ts";
import { timersSet } from "../support/timers.ts";

const made = (): Idempotency<unknown> => ({ runSettled: async () => ({}) }) as never;

describe("option idempotency", () => {
  test("is one for all calls, completed when it is given, once", async () => {
    const completed: unknown[] = [];
    const given = made();
    const chosen = new ChosenIdempotency(given, (one) => {
      completed.push(one);
      return { one };
    });
    expect(completed).toEqual([given]);
    expect(await chosen.of()).toEqual({ one: given });
    expect(await chosen.of()).toBe(chosen.completed(given));
    expect(completed).toEqual([given]);
    expect([chosen.mayBe(given), chosen.mayBe(made()), chosen.mayBe(undefined)]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test("is a function, asked for each call, whose results are completed once each", async () => {
    const completed: unknown[] = [];
    const tenants = [made(), made()];
    const chosen = new ChosenIdempotency(
      async (tenant: number) => tenants[tenant] as Idempotency<unknown>,
      (one) => {
        completed.push(one);
        return { one };
      },
    );
    expect(completed).toEqual([]);
    for (const tenant of [0, 1, 0]) expect(await chosen.of(tenant)).toEqual({ one: tenants[tenant] });
    expect(completed).toEqual(tenants);
    expect(chosen.mayBe(made())).toBe(true);
    await expect(chosen.of(2)).rejects.toThrow(
      "option idempotency is of type undefined; give a function that returns what createIdempotency returned",
    );
    expect([made(), {}, null, undefined, () => 1].map(isIdempotency)).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  test.each<[object, string | undefined]>([
    [{}, undefined],
    [{ idempotency: () => made(), scope: () => "u", provide: "db" }, undefined],
    [
      { idempotency: {} },
      "option idempotency is of type object without members; give what createIdempotency returned",
    ],
    [{ idempotency: undefined }, "option idempotency is of type undefined"],
    [{ scope: "user" }, 'option scope is of type string ("user"); give a function such as () => 1'],
    [{ provide: "" }, "option provide is of type string"],
    [{ provide: 5 }, "option provide is of type number"],
    [{ provide: null }, "option provide is of type null"],
    [{ provide: "idempotency" }, "option provide is of type string"],
  ])("%# and those beside it are checked", (more, message) => {
    const check = () =>
      checkAdapterOptions({ idempotency: made(), scope: "global", provide: undefined, ...more }, "() => 1");
    if (message === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(message);
  });

  test("provide makes no sense where every mutation is leased", () => {
    expect(() => checkModeAndProvide("lease", "db")).toThrow('none with mode "lease"');
    for (const [mode, provide] of [
      ["lease", undefined],
      ["transaction", "db"],
      [undefined, "db"],
    ]) {
      expect(() => checkModeAndProvide(mode, provide)).not.toThrow();
    }
    expect(() => checkModeAndProvide("leased", undefined)).toThrow("option mode is of type string");
  });
});

describe("the client of a handler", () => {
  const clients = { tx: "tx", join: <TClient>(held: TClient) => `${held as string} joined` as TClient };
  const held = (context: object, provide?: string) => providedClient(provide, context, clients);

  test("is the one that the context holds under the name, in the transaction; else the transaction's own", () => {
    expect(held({ db: "db", tx: "own" }, "db")).toEqual(["db", "db joined"]);
    expect(held({ tx: "own" })).toEqual(["tx", "own joined"]);
    for (const context of [{}, { tx: null }, { tx: undefined }]) expect(held(context)).toEqual(["tx", "tx"]);
  });

  test.each<[object, string]>([
    [{ databse: 1 }, 'did you mean "databse"?'],
    [{ database: null, databases: 1 }, 'did you mean "databases"?'],
    [{ database: undefined }, "name the property that holds your client."],
    [{}, "name the property that holds your client."],
  ])("%# is missing under the name that was given", (context, remedy) => {
    expect(() => held(context, "database")).toThrow(
      new TypeError(
        `onceonly: option provide is "database", and the context holds no client under that name; ${remedy} Without the ` +
          "option, the handler finds its client as tx.",
      ),
    );
  });

  test("cannot be in the transaction: says so in the words of the option", () => {
    const cause = new TypeError("onceonly: option (the argument of join) is of type string; give a client.");
    const joining = () =>
      providedClient(
        "db",
        { db: "x" },
        {
          tx: "tx",
          join: () => {
            throw cause;
          },
        },
      );
    expect(joining).toThrow(
      'onceonly: what the context holds under the name of option provide, "db": that value is of type string; give a client.',
    );
    expect(joining).toThrow(expect.objectContaining({ cause }));
    expect(joining).toThrow(TypeError);
  });
});

describe("the headers of an answer", () => {
  const stored = { outcome: "stored", replayed: false } as const;
  test.each<[Parameters<typeof toldHeaders>[0], Record<string, string>]>([
    [[], {}],
    [[undefined], {}],
    [[stored], { "idempotency-outcome": "stored" }],
    [[{ ...stored, partial: true }], { "idempotency-outcome": "stored;partial" }],
    [[{ ...stored, replayed: true }], { "idempotency-outcome": "stored", "idempotent-replayed": "true" }],
    [[{ outcome: undefined, replayed: true }], { "idempotent-replayed": "true" }],
    [[undefined, { outcome: "released", replayed: false }], { "idempotency-outcome": "?0, released" }],
    [
      [stored, { ...stored, replayed: true }, undefined],
      { "idempotency-outcome": "stored, stored, ?0", "idempotent-replayed": "?0, ?1, ?0" },
    ],
  ])("%# tell it", (calls, headers) => {
    expect(Object.fromEntries(toldHeaders(calls))).toEqual(headers);
  });

  test("after an error tell what became of the key", () => {
    const codes = [
      "KEY_MISSING",
      "KEY_REUSED",
      "ATTEMPTS_EXHAUSTED",
      "RESULT_UNREADABLE",
      "IN_PROGRESS",
      "LEASE_LOST",
    ] as const;
    expect(codes.map((code) => outcomeOfError(new IdempotencyError(code, "no", {} as never)))).toEqual([
      undefined,
      "refused",
      "stored",
      undefined,
      "released",
      "released",
    ]);
    expect(outcomeOfError(new Error("no"))).toBe("released");
  });

  test("of a request say that it is a repetition in one way alone", () => {
    expect(["?1", "?0", "1", "true", "", null, undefined].filter(saysRetry)).toEqual(["?1"]);
  });
});

describe("a body", () => {
  const reading = (...chunks: unknown[]) =>
    new ReadableStream({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(chunk);
        controller.close();
      },
    }).getReader();
  const bytes = (length: number) => new Uint8Array(length);

  test("is read to its end, up to the bytes that it may have", async () => {
    expect(await readChunks(reading(bytes(2), bytes(3)), 5)).toEqual([bytes(2), bytes(3)]);
    await expect(readChunks(reading(bytes(2), bytes(4)), 5)).rejects.toThrow(TooManyBytesError);
    await expect(readChunks(reading("text"), 5)).rejects.toThrow(
      new TypeError("A body gave a chunk of type string; give bytes (Uint8Array)."),
    );
  });

  test("that was refused is read to its end all the same, with turns for others, and its failure is nobody's", async () => {
    const reader = reading(...Array.from({ length: 50 }, () => bytes(1)));
    let turns = 0;
    const other = () => {
      turns += 1;
      next = setImmediate(other);
    };
    let next = setImmediate(other);
    await discardRest(reader);
    clearImmediate(next);
    expect(turns).toBeGreaterThan(25);
    expect((await reader.read()).done).toBe(true);
    const failing = new ReadableStream({ pull: () => Promise.reject(new Error("gone")) }).getReader();
    await expect(discardRest(failing)).resolves.toBeUndefined();
  });

  test("that never ends is waited for without keeping the process alive", async () => {
    const before = timersSet();
    let close = () => {};
    const reader = new ReadableStream({
      start: (controller) => void (close = () => controller.close()),
    }).getReader();
    const discarded = discardRest(reader);
    expect(timersSet()).toBe(before);
    close();
    await discarded;
  });
});
