/** What a store that encrypts hands on as it is, and what it asks of the store underneath. */
import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { EncryptionOptions } from "../../src/core/contract/options/encryption.ts";
import type { Store, StoreSession } from "../../src/core/contract/store.ts";
import { Cipher } from "../../src/core/encryption/cipher.ts";
import { encryptedStore } from "../../src/core/encryption/encrypted-store.ts";
import { EncryptionError } from "../../src/core/encryption/encryption-error.ts";

const A = randomBytes(32);
const cipherBy = (more: Partial<EncryptionOptions> = {}) =>
  new Cipher({ current: "a", keys: { a: A }, ...more });

/** Answers each call with its own name and what it was given. */
const echoing = (known: object = {}) =>
  new Proxy(known, {
    get: (target, name) =>
      name in target
        ? Reflect.get(target, name)
        : (...given: unknown[]): unknown => ({ called: name, given }),
  });
const sent = (called: string, ...given: unknown[]) => ({ called, given });

const inner = (more: object = {}) =>
  echoing({
    timeoutMs: 7,
    conflictsAtCommit: true,
    leases: echoing(),
    upkeep: echoing(),
    transaction: async (_opening: unknown, body: (session: unknown) => unknown) => body(echoing()),
    ...more,
  }) as Store<unknown>;

describe("an encrypted store hands on", () => {
  const store = encryptedStore(inner(), cipherBy());

  test("what it knows of the database", async () => {
    expect([store.timeoutMs, store.conflictsAtCommit]).toEqual([7, true]);
    expect(store.runningHandler()).toEqual(sent("runningHandler"));
    const error = new Error("of the driver");
    expect(store.faultOf(error)).toEqual(sent("faultOf", error));
    expect(store.faultOf(new EncryptionError("unavailable", "no"))).toBe("unavailable");
    const limits = { resultBytesMax: 300, more: 1 };
    expect(await store.check(limits as never)).toEqual(sent("check", { resultBytesMax: 550, more: 1 }));
  });

  test.each(["prune", "sweep", "forget", "rewrite", "list", "count"] as const)(
    "%s, for upkeep",
    async (name) => {
      const call = store.upkeep[name] as (given: unknown) => unknown;
      expect(await call("given")).toEqual(sent(name, "given"));
    },
  );

  test("ids, places and counts, for upkeep", async () => {
    const { upkeep } = store;
    expect(await upkeep.ids("a", 1)).toEqual(sent("ids", "a", 1));
    expect(await upkeep.placeAfter(undefined, 5)).toEqual(sent("placeAfter", undefined, 5));
    expect(await upkeep.stats()).toEqual(sent("stats"));
  });

  test.each(["giveBack", "renew", "holds"] as const)("%s, for leases", async (name) => {
    const call = store.leases[name] as (given: unknown) => unknown;
    expect(await call("given")).toEqual(sent(name, "given"));
  });

  test("what a session does with its row", async () => {
    const answers: unknown[] = [];
    await store.transaction({} as never, async (session: StoreSession<unknown>) => {
      answers.push(
        session.faultUnder("e"),
        await session.whyVanished(),
        await session.undo(),
        await session.renew("r" as never),
        await session.holds("h" as never),
        await session.runHandler("f" as never, "w" as never),
      );
      return { outcome: undefined } as never;
    });
    expect(answers).toEqual([
      sent("faultUnder", "e"),
      sent("whyVanished"),
      sent("undo"),
      sent("renew", "r"),
      sent("holds", "h"),
      sent("runHandler", "f", "w"),
    ]);
  });

  test("a claim without an input", async () => {
    const asked: unknown[] = [];
    const leases = {
      claim: async (params: unknown) => {
        asked.push(params);
        return { state: "claimed", attempt: 1 };
      },
    };
    const claiming = encryptedStore(inner({ leases }), cipherBy());
    await claiming.leases.claim({ id: "i", input: null } as never);
    await claiming.leases.claim({ id: "i", input: "x" } as never);
    expect(asked).toEqual([
      { id: "i", input: null },
      { id: "i", input: expect.stringMatching(/^aes-256-gcm:a:/) },
    ]);
  });
});

describe("an abandoned run", () => {
  /** Records that are there to be claimed, and what was given back. */
  const abandoned = async (keys: EncryptionOptions["keys"], inputs: readonly string[]) => {
    const records = inputs.map((input, n) => ({ id: `r${n}`, operation: "orders.place", input }));
    const back: unknown[] = [];
    const leases = {
      claimAbandoned: async () => records.shift(),
      giveBack: async (params: unknown) => back.push(params),
    };
    const store = encryptedStore(inner({ leases }), cipherBy({ keys }));
    const claimed = store.leases.claimAbandoned({ owner: "o", retentionMs: 9 } as never);
    return { claimed, back };
  };
  const givenBack = (id: string) => ({ id, owner: "o", delayMs: 30_000, retentionMs: 9, isUntried: true });
  const sealed = (id: string) => cipherBy().seal("in", { id, column: "input" });

  test("has its input", async () => {
    const { claimed, back } = await abandoned({ a: A }, [await sealed("r0")]);
    expect(await claimed).toEqual({ id: "r0", operation: "orders.place", input: "in" });
    expect(back).toEqual([]);
  });

  test("whose input is another's is left, and the next one is claimed", async () => {
    const { claimed, back } = await abandoned({ a: A }, [await sealed("other"), await sealed("r1")]);
    expect(await claimed).toMatchObject({ id: "r1", input: "in" });
    expect(back).toEqual([givenBack("r0")]);
  });

  test("alone, whose input is another's, is an error that says what to look for", async () => {
    const { claimed, back } = await abandoned({ a: A }, [await sealed("other")]);
    await expect(claimed).rejects.toMatchObject({
      fault: "misconfigured",
      message:
        "The stored input of orders.place cannot be decrypted: its key is missing in option encryption.keys, or it was changed.",
    });
    expect(back).toEqual([givenBack("r0")]);
  });

  test("alone, whose key cannot be had now, is that error, with its cause", async () => {
    const away = new Error("the key service is away");
    const keys = async (id: string) => {
      if (id === "b") throw away;
      return A;
    };
    const byB = new Cipher({ current: "b", keys: { b: A } });
    const { claimed, back } = await abandoned(keys, [await byB.seal("in", { id: "r0", column: "input" })]);
    await expect(claimed).rejects.toMatchObject({ fault: "unavailable", cause: away });
    expect(back).toEqual([givenBack("r0")]);
  });

  test("is none", async () => {
    const { claimed } = await abandoned({ a: A }, []);
    expect(await claimed).toBeUndefined();
  });
});

test("an error has a cause only if there is one", () => {
  expect(new EncryptionError("misconfigured", "no")).not.toHaveProperty("cause");
  expect(new EncryptionError("misconfigured", "no", 1).cause).toBe(1);
});
