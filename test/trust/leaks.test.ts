/** Values that must not be told: what a client reads of each answer, and all that the process tells of its calls otherwise. */
import { describe, expect, test } from "vitest";
import { idempotencyOver } from "../../src/core/create.ts";
import { createCompleter } from "../../src/core/lease/completer.ts";
import { createIdempotency } from "../../src/create-idempotency.ts";
import type { Idempotency, RunOptions } from "../../src/index.ts";
import { createPrismaStore } from "../../src/prisma/create-store.ts";
import { DRIVER_WORDS, failingAt } from "../errors/failing-store.ts";
import { lapse } from "../leases/helpers.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { door as doorOf, request } from "../support/runs.ts";
import type { Tx } from "../support/shop.ts";
import { type Ask, DOORS, type Door, type Mode, SoldOut } from "./doors.ts";
import { collectTold } from "./told.ts";

/** Each value has its own mark, between what breaks out of quotes, tags and lines. */
const hostile = (mark: string) => `'";--\`$1\\<b>${mark}</b>%s{}`;
const KEY = hostile("zzKEYzz");
const SCOPE = `${hostile("zzSCOPEzz")}\u2028\r\n漢`;
const INPUT = `${hostile("zzINPUTzz")}\0\u2028\r\n漢`;
const RESULT = `${hostile("zzRESULTzz")}\u2028\r\n漢`;
const ANSWER = hostile("zzANSWERzz");
const CRASH = hostile("zzCRASHzz");
const MARKS = new RegExp(`zz[A-Z]+zz|${DRIVER_WORDS}`, "g");

/** The marks that a text has, however it is escaped: none of them has a character that would be. */
const marksIn = (text: string) => [...new Set(text.match(MARKS))].toSorted();

/** One thing that becomes of a request. */
interface Situation {
  readonly name: string;
  /** What may be in the answer of it, besides nothing. */
  readonly allowed?: readonly string[];
  /** And besides, through what does not mask. */
  readonly unmasked?: readonly string[];
  /** Where there is no such thing. */
  readonly skip?: (door: Door, mode: Mode) => boolean;
  send(door: Door, db: TestDatabase, ask: Ask): Promise<readonly string[]>;
}

const idempotencyOf = (db: TestDatabase, options: RunOptions = {}) =>
  createIdempotency({ prisma: db.prisma, storeInput: true, ...options }) as Idempotency<Tx>;
const failing = (
  db: TestDatabase,
  ...fault: Parameters<typeof failingAt<Tx>> extends [unknown, ...infer R] ? R : never
) =>
  idempotencyOver<Tx>(failingAt(createPrismaStore({ prisma: db.prisma }), ...fault), {
    waitMs: 0,
    outageMs: 0,
  });

const fails = (error: unknown) => () => {
  throw error;
};
const crash = Object.assign(new RangeError(CRASH), { code: CRASH, meta: { input: INPUT } });

const textOf = async (arrived: Promise<{ readonly text: string }>) => (await arrived).text;

const SITUATIONS: readonly Situation[] = [
  {
    name: "an answer, and its replay",
    allowed: ["zzRESULTzz"],
    send: async (door, db, ask) => [
      await textOf(door.send(idempotencyOf(db), ask)),
      await textOf(door.send(idempotencyOf(db), ask)),
    ],
  },
  {
    name: "an error that is the answer, and its replay",
    allowed: ["zzANSWERzz"],
    send: async (door, db, ask) => {
      const idempotency = idempotencyOf(db, door.hasScope ? {} : { storeError: () => true });
      const failed = { ...ask, answer: fails(new SoldOut(ANSWER)) };
      return [await textOf(door.send(idempotency, failed)), await textOf(door.send(idempotency, failed))];
    },
  },
  {
    name: "an unexpected error",
    // Of tRPC, that is its formatter's to hide.
    unmasked: ["zzCRASHzz"],
    send: async (door, db, ask) => [
      await textOf(door.send(idempotencyOf(db), { ...ask, answer: fails(crash) })),
    ],
  },
  {
    name: "the same key with another input",
    send: async (door, db, ask) => {
      await door.send(idempotencyOf(db), ask);
      return [await textOf(door.send(idempotencyOf(db), { ...ask, input: `${INPUT}, another` }))];
    },
  },
  {
    name: "a duplicate that is refused while the first is under way",
    send: async (door, db, ask) => {
      const { wait, arrived, open } = doorOf();
      const idempotency = idempotencyOf(db, { onDuplicate: "reject" });
      const first = door.send(idempotency, { ...ask, answer: () => wait() });
      await arrived;
      const text = await textOf(door.send(idempotency, ask));
      open();
      await first;
      return [text];
    },
  },
  {
    name: "a header that is no key",
    skip: ({ hasHeader }) => !hasHeader,
    send: async (door, db, ask) => {
      const headers = [
        '"zzKEYzz',
        "zzKEYzz zzKEYzz",
        `"${"zzKEYzz".repeat(99)}"`,
        '"zzKEYzz", "zzKEYzz"',
        "zzKEYzz\u00e9",
      ];
      const sent = headers.map((header) => textOf(door.send(idempotencyOf(db), { ...ask, header })));
      return Promise.all(sent);
    },
  },
  {
    name: "a scope that is missing, or looks like it",
    skip: ({ hasScope }) => !hasScope,
    allowed: ["zzRESULTzz"],
    send: async (door, db, ask) =>
      Promise.all(
        ["", "\0zzSCOPEzz", "undefined:zzSCOPEzz", '["zzSCOPEzz",null]'].map((user) =>
          textOf(door.send(idempotencyOf(db), { ...ask, user })),
        ),
      ),
  },
  {
    name: "a result that is too long to be stored",
    send: async (door, db, ask) => [await textOf(door.send(idempotencyOf(db, { resultBytesMax: 20 }), ask))],
  },
  {
    name: "a result that no codec writes",
    skip: ({ hasScope }, mode) => !hasScope && mode === "transaction",
    send: async (door, db, ask) => {
      const codec = { name: "none", encode: fails(new Error(RESULT)), decode: (text: string) => text };
      return [await textOf(door.send(idempotencyOf(db, { codec }), ask))];
    },
  },
  {
    name: "a stored answer that cannot be read",
    send: async (door, db, ask) => {
      await door.send(idempotencyOf(db), ask);
      const texts = [];
      for (const forged of [
        "zzRESULTzz",
        "zzRESULTzz:[1]",
        "devalue:zzRESULTzz",
        'devalue:[["zzRESULTzz",1],1]',
      ]) {
        await db.query(`UPDATE idempotency_record SET response = ${db.placeholder(1)}`, [forged]);
        texts.push(await textOf(door.send(idempotencyOf(db), ask)));
      }
      return texts;
    },
  },
  ...(["claim", "complete"] as const).flatMap((statement) =>
    (["unavailable", "misconfigured", "unknown"] as const)
      // A leased run repeats its end until the database is back.
      .map(
        (fault): Situation => ({
          name: `a database that fails at ${statement} (${fault})`,
          skip: (_, mode) => mode === "lease" && statement === "complete" && fault === "unavailable",
          send: async (door, db, ask) => [await textOf(door.send(failing(db, statement, fault), ask))],
        }),
      ),
  ),
];

const CASES = DOORS.flatMap((door) =>
  (["transaction", "lease"] as const).map((mode) => ({ door, mode, name: door.name })),
);

describe.each(databases)("on $name", ({ open }) => {
  test.each(CASES)(
    "no client and nobody who listens is told a hostile value: $name, $mode",
    { timeout: 60_000 },
    async ({ door, mode }) => {
      await using db = await open();
      await using told = collectTold();
      let answers = 0;
      for (const { name, allowed = [], unmasked = [], skip, send } of SITUATIONS) {
        if (skip?.(door, mode) === true) continue;
        const ask: Ask = { mode, key: KEY, user: SCOPE, input: INPUT, answer: () => RESULT };
        const texts = await send(door, db, ask);
        answers += texts.length;
        const expected = new Set([...allowed, ...(door.masks ? [] : unmasked)]);
        expect([name, texts.flatMap(marksIn).filter((mark) => !expected.has(mark))]).toEqual([name, []]);
        await db.query("DELETE FROM idempotency_step");
        await db.query("DELETE FROM idempotency_record");
      }
      const everything = await told.all();
      expect(everything.flatMap(([where, text]) => marksIn(text).map((mark) => [where, mark]))).toEqual([]);
      // Else nothing was listened to.
      expect(everything.length).toBeGreaterThan(answers);
      expect(everything.at(-1)?.[1]).toContain("onceonly.call.duration");
      expect(everything.at(-2)?.[1]).toContain("onceonly.execute");
    },
  );

  test("nobody who listens is told a hostile value of a run that completers take over and give up", async () => {
    await using db = await open();
    await using told = collectTold();
    const idempotency = idempotencyOf(db);
    const asked = { ...request(KEY, { input: { card: INPUT } }), scope: SCOPE };
    const run = idempotency.runLeased(asked, async ({ step }) => {
      await step("charge", () => RESULT);
      throw crash;
    });
    await run.catch(() => {});
    const errors: unknown[] = [];
    const completer = createCompleter({
      idempotency: idempotency as never,
      handlers: { "orders.place": fails(crash) as never },
      attemptsMax: 2,
      onError: (error) => errors.push(error),
    });
    for (let round = 0; round < 3; round += 1) {
      await lapse(db);
      await completer.runOnce();
    }
    expect(await idempotency.inspect({ operation: "orders.place", scope: SCOPE, key: KEY })).toMatchObject({
      state: "failed",
    });
    const everything = await told.all();
    expect(everything.map(([where]) => where)).toContain("onceonly:given-up");
    expect(everything.flatMap(([where, text]) => marksIn(text).map((mark) => [where, mark]))).toEqual([]);
  });

  test("those who ask for keys in events get them, with the scope, and nothing else", async () => {
    await using db = await open();
    await using told = collectTold();
    const [door] = DOORS;
    const ask: Ask = { mode: "transaction", key: KEY, user: SCOPE, input: INPUT, answer: () => RESULT };
    await door?.send(idempotencyOf(db, { eventKeys: true }), ask);
    const everything = await told.all();
    const marked = (where: string) => marksIn(everything.filter(([each]) => each === where).join());
    expect(marked("onceonly:executed")).toEqual(["zzKEYzz", "zzSCOPEzz"]);
    expect([...marked("spans"), ...marked("metrics")]).toEqual([]);
    expect(new Set(everything.flatMap(([, text]) => marksIn(text)))).toEqual(
      new Set(["zzKEYzz", "zzSCOPEzz"]),
    );
  });
});
