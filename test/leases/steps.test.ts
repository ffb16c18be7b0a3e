import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import type { LeaseContext } from "../../src/index.ts";
import { databases, onPostgres, openPostgres } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { door, failureOf, warningsDuring } from "../support/runs.ts";
import {
  type Context,
  countAccounts,
  deposit,
  leasing,
  paying,
  service,
  stepsOf,
  type Tx,
} from "./helpers.ts";

describe.each(databases)("steps on $name", ({ open }) => {
  test("get a key of their own: stable over attempts, another for each name, the same as deriveKey gives", async () => {
    await using db = await open();
    const idempotency = leasing(db.prisma);
    const seen: unknown[] = [];
    const pay = async ({ step, transaction, deriveKey, attempt }: Context) => {
      const charge = await step("a", (context) => context.key).catch(() => undefined);
      await transaction("b", ({ key, attempt: own }) => seen.push([key, own]));
      seen.push([charge, attempt], [deriveKey("a"), deriveKey("b")]);
      throw new Error("again");
    };
    await expect(idempotency.runLeased(paying("secret"), pay)).rejects.toThrow("again");
    const [[b], [a], derived] = seen as [[string, number], [string, number], string[]];
    expect(derived).toEqual([a, b]);
    expect(a).toMatch(/^[\w-]{43}$/);
    expect(new Set([a, b, "secret"]).size).toBe(3);
    await expect(idempotency.runLeased(paying("secret"), pay)).rejects.toThrow("again");
    expect(seen.slice(3)).toEqual([[a, 2], derived]);
  });

  test("run again with the same key where it is unknown whether they ran", async () => {
    await using db = await open();
    const idempotency = leasing(db.prisma);
    const bank = service();
    const pay = ({ step, attempt }: Context) =>
      step("charge", (context) => {
        const receipt = bank.call(context);
        if (attempt === 1) throw new Error("the answer was lost");
        return receipt;
      });
    await expect(idempotency.runLeased(paying("k"), pay)).rejects.toThrow("the answer was lost");
    expect((await idempotency.runLeased(paying("k"), pay)).value).toBe("paid 2");
    expect(new Set(bank.calls).size).toBe(1);
  });

  test("are reconciled first on a later attempt; what that finds is recorded, and after nothing they run", async () => {
    await using db = await open();
    const idempotency = leasing(db.prisma);
    const bank = service();
    const asked: unknown[] = [];
    let found: string | undefined;
    const pay = async ({ step, attempt }: Context) => {
      const receipt = await step("charge", bank.call, {
        reconcile: (context) => {
          asked.push([context.attempt, context.key === bank.calls[0]]);
          return found;
        },
      }).finally(() => {
        if (attempt === 1) throw new Error("crashed");
      });
      return receipt;
    };
    const crash = async ({ step }: Context) => step("charge", () => Promise.reject(new Error("crashed")));
    await expect(idempotency.runLeased(paying("k"), crash)).rejects.toThrow("crashed");
    found = "found";
    expect((await idempotency.runLeased(paying("k"), pay)).value).toBe("found");
    expect([bank.calls, asked]).toEqual([[], [[2, false]]]);
    await expect(idempotency.runLeased(paying("l"), crash)).rejects.toThrow("crashed");
    found = undefined;
    expect((await idempotency.runLeased(paying("l"), pay)).value).toBe("paid 1");
    expect(asked).toHaveLength(2);
  });

  test("are read by another version of the handler: an unknown one is ignored, a missing one runs", async () => {
    await using db = await open();
    const bank = service();
    const failing = async ({ step }: Context) => {
      await step("old", bank.call);
      await step("both", bank.call);
      throw new Error("deploy");
    };
    await expect(leasing(db.prisma).runLeased(paying("k"), failing)).rejects.toThrow("deploy");
    const next = leasing(await db.connect());
    const { value } = await next.runLeased(paying("k"), async ({ step }) => [
      await step("new", bank.call),
      await step("both", bank.call),
    ]);
    expect(value).toEqual(["paid 3", "paid 2"]);
  });

  test("bring back dates, big integers, maps and nothing, as at first", async () => {
    await using db = await open();
    const idempotency = leasing(db.prisma);
    const values = [new Date(5), 2n ** 70n, new Map([[1, new Set([2])]]), undefined, null, -0, Number.NaN];
    const seen: unknown[] = [];
    const run = async ({ step, attempt }: Context) => {
      seen.push(await step("value", () => values));
      if (attempt === 1) throw new Error("again");
    };
    await expect(idempotency.runLeased(paying("k"), run)).rejects.toThrow("again");
    await idempotency.runLeased(paying("k"), run);
    expect(seen).toEqual([values, values]);
    expect(Object.is((seen[1] as unknown[])[5], -0)).toBe(true);
  });

  test("whose result cannot be stored fail with its path and stay unknown", async () => {
    await using db = await open();
    const idempotency = leasing(db.prisma, { resultBytesMax: 100 });
    const errors: unknown[] = [];
    const run = async ({ step, transaction }: Context) => {
      errors.push(await failureOf(step("charge", () => ({ deep: [{ fn: () => 1 }] }))));
      errors.push(
        await failureOf(
          transaction("book", async ({ tx }) => {
            await deposit(tx, "a");
            return { fn: () => 1 };
          }),
        ),
      );
      errors.push(await failureOf(step("long", () => "x".repeat(200))));
    };
    await idempotency.runLeased(paying("k"), run);
    expect(errors).toMatchObject([
      { code: "RESULT_UNSTORABLE", details: { operation: "orders.pay", path: ".deep[0].fn" } },
      { code: "RESULT_UNSTORABLE", details: { path: ".fn" } },
      { code: "RESULT_UNSTORABLE" },
    ]);
    expect((errors[0] as Error).message).toContain(
      'step "charge" of orders.pay cannot be stored at .deep[0].fn',
    );
    expect((errors[2] as Error).message).toContain("resultBytesMax is 100");
    expect([await stepsOf(db), await countAccounts(db)]).toEqual([[], 0]);
  });

  test("in a transaction write nothing when they fail, and commit with their record when they do not", async () => {
    await using db = await open();
    const idempotency = leasing(db.prisma);
    const run = async ({ transaction }: Context) => {
      await expect(
        transaction("book", async ({ tx }) => {
          await deposit(tx, "a");
          throw new Error("undone");
        }),
      ).rejects.toThrow("undone");
      expect([await stepsOf(db), await countAccounts(db)]).toEqual([[], 0]);
      await transaction("book again", async ({ tx }) => (await deposit(tx, "a")).id);
      expect([await stepsOf(db), await countAccounts(db)]).toEqual([["book again"], 1]);
    };
    await idempotency.runLeased(paying("k"), run);
  });

  test("in a transaction refuse statements after its end", async () => {
    await using db = await open();
    let late: Promise<unknown> | undefined;
    const { wait, open: go } = door();
    await leasing(db.prisma).runLeased(paying("k"), async ({ transaction }) => {
      await transaction("book", ({ tx }) => {
        late = wait().then(() => deposit(tx, "late"));
        return 1;
      });
      go();
      await expect(late).rejects.toThrow("was issued after the handler of its transaction had ended");
    });
    expect(await countAccounts(db)).toBe(0);
  });

  test("run side by side; those still under way when the handler returns are waited for", async () => {
    await using db = await open();
    const idempotency = leasing(db.prisma);
    const { wait, arrived, open: go } = door();
    const run = idempotency.runLeased(paying("k"), async ({ step, transaction }) => {
      const all = await Promise.all([
        step("a", () => 1),
        step("b", () => 2),
        transaction("c", async ({ tx }) => (await deposit(tx, "c")).id),
        transaction("d", async ({ tx }) => (await deposit(tx, "d")).id),
      ]);
      void step("forgotten", wait);
      return all;
    });
    await arrived;
    go();
    expect((await run).value).toEqual([1, 2, "c", "d"]);
    expect(new Set(await stepsOf(db))).toEqual(new Set(["a", "b", "c", "d", "forgotten"]));
  });

  test.each(["runLeased", "runLeasedUnkeyed"] as const)(
    "that fail and are seen by nobody fail their run, not the process: %s",
    async (kind) => {
      await using db = await open();
      const idempotency = leasing(db.prisma);
      const run = (
        key: string,
        handler: (context: LeaseContext<Tx, string | undefined>) => Promise<unknown>,
      ) =>
        kind === "runLeased"
          ? idempotency.runLeased(paying(key), handler)
          : idempotency.runLeasedUnkeyed(handler);
      const declined = new Error("declined");
      const charge = async () => {
        await turn();
        throw declined;
      };
      const unseen: Record<string, (context: LeaseContext<Tx, string | undefined>) => unknown> = {
        "a step": ({ step }) => step("charge", charge),
        "a transaction": ({ transaction }) => transaction("charge", charge),
        "one that fails at once": ({ step }) => step("charge", () => Promise.reject(declined)),
        "what follows a step": ({ step }) => step("charge", () => 1).then(() => Promise.reject(declined)),
        "what hangs on a failed step": ({ step }) => step("charge", charge).then(() => 1),
        "what is cleaned up after": ({ step }) => step("charge", charge).finally(() => {}),
      };
      const unhandled: unknown[] = [];
      const collect = (reason: unknown) => unhandled.push(reason);
      process.on("unhandledRejection", collect);
      try {
        for (const [what, call] of Object.entries(unseen)) {
          const failed = run(what, async (context) => {
            void call(context);
            return "ok";
          });
          const end: unknown = await failed.catch((error: unknown) => error);
          expect({ what, end }).toEqual({ what, end: declined });
        }
      } finally {
        process.off("unhandledRejection", collect);
      }
      expect(unhandled).toEqual([]);
    },
  );

  test("that fail and are seen, even late, are the handler's own affair", async () => {
    await using db = await open();
    const failing = () => Promise.reject(new Error("declined"));
    const { value } = await leasing(db.prisma).runLeased(paying("k"), async ({ step, transaction }) => {
      const early = step("early", failing);
      await step("slow", async () => turn());
      const seen = [
        await early.catch(() => "late"),
        await Promise.allSettled([step("settled", failing)]),
        await Promise.race([step("raced", failing), Promise.resolve("first")]),
        await step("chained", failing)
          .then(() => 1)
          .catch(() => "chained"),
      ];
      void transaction("logged", failing).catch(() => {});
      try {
        await step("caught", failing);
      } catch {
        seen.push("caught");
      }
      return seen.length;
    });
    expect(value).toBe(5);
  });

  test("that come after the end of their run, and nobody awaits, are a process warning", async () => {
    await using db = await open();
    let later: (() => unknown) | undefined;
    const warnings = await warningsDuring(async () => {
      await leasing(db.prisma).runLeased(paying("k"), async ({ step }) => {
        later = () => void step("late", () => 1);
      });
      later?.();
      await turn();
      await turn();
    });
    expect(warnings.map(({ name, message }) => `${name}: ${message}`)).toEqual([
      'OnceonlyStepWarning: A step of orders.pay that nobody awaited failed after its run: onceonly: step "late" came after ' +
        "its handler had ended; await every step.",
    ]);
  });

  test("that begin after the handler's end are refused", async () => {
    await using db = await open();
    let later: (() => Promise<unknown>) | undefined;
    await leasing(db.prisma).runLeased(paying("k"), async ({ step }) => {
      later = () => step("late", () => 1);
    });
    await expect(later?.()).rejects.toThrow('step "late" came after its handler had ended');
  });

  test.each([
    [
      "used twice",
      async ({ step }: Context) => step("a", () => step("a", () => 1)),
      'the step name "a" twice',
    ],
    ["empty", ({ step }: Context) => step("", () => 1), "of 0 characters"],
    ["too long", ({ step }: Context) => step("x".repeat(256), () => 1), "of 256 characters"],
    ["with NUL", ({ step }: Context) => step("a\0b", () => 1), "of 3 characters"],
    // UTF-8 has none for it: what the database held was another name, and the next attempt made the transaction again.
    [
      "cut through an emoji",
      ({ transaction }: Context) => transaction("📦".slice(0, 1), () => 1),
      "of 1 char",
    ],
    ["no string", ({ step }: Context) => step(7 as never, () => 1), "of type number"],
    [
      "begun inside a transaction",
      ({ step, transaction }: Context) => transaction("t", () => step("inner", () => 1)),
      'step "inner" of orders.pay begins inside a transaction',
    ],
  ] as const)("with a name %s are refused", async (_, handler, message) => {
    await using db = await open();
    const run = leasing(db.prisma).runLeased(paying("k"), handler as (context: Context) => Promise<unknown>);
    await expect(run).rejects.toThrow(message);
    await expect(run).rejects.toBeInstanceOf(TypeError);
  });

  test.each(["step", "transaction"] as const)("without a function are refused: %s", async (kind) => {
    await using db = await open();
    const idempotency = leasing(db.prisma);
    const call = (context: Pick<Context, typeof kind>) => context[kind]("a", undefined as never);
    const message = (operation: string) =>
      `onceonly: step "a" of ${operation} has nothing to execute: its second argument is of type undefined; give a function`;
    await expect(idempotency.runLeased(paying("k"), call)).rejects.toThrow(message("orders.pay"));
    await expect(idempotency.runLeasedUnkeyed(call)).rejects.toThrow(message("a call without a key"));
  });

  test("repeat a transaction after a write conflict only if retryConflicts asks for it", async () => {
    await using db = await open();
    const conflict = Object.assign(new Error("conflict"), { code: "P2034" });
    const book = (retryConflicts: number, key: string) => {
      let tries = 0;
      return leasing(db.prisma, { retryConflicts }).runLeased(paying(key), ({ transaction }) =>
        transaction("book", async ({ tx }) => {
          tries += 1;
          await deposit(tx, key);
          if (tries < 3) throw conflict;
          return tries;
        }),
      );
    };
    expect((await book(2, "a")).value).toBe(3);
    await expect(book(1, "b")).rejects.toBe(conflict);
    expect(await countAccounts(db)).toBe(1);
  });

  test("in a transaction that the client itself repeats are recorded once, and the lease is renewed afterwards", async () => {
    const renewals: string[] = [];
    const log = (sql: string) => {
      if (/^UPDATE \S+ SET ["`]?locked_until["`]? = /.test(sql)) renewals.push(sql);
    };
    await using db = await open({ log });
    const retrying = db.prisma.$extends({
      client: {
        $transaction: (body: (tx: never) => Promise<unknown>, options?: object): Promise<unknown> =>
          db.prisma
            .$transaction(body as never, options)
            .catch(() => db.prisma.$transaction(body as never, options)),
      },
    });
    // Whose heartbeat comes every twenty minutes.
    const idempotency = leasing(retrying as unknown as typeof db.prisma, { leaseMs: 3_600_000 });
    let tries = 0;
    let within = 0;
    const now = performance.now.bind(performance);
    const clock = vi.spyOn(performance, "now").mockImplementation(() => now());
    const { value } = await idempotency.runLeased(paying("k"), async ({ transaction }) => {
      await transaction("book", async ({ tx }) => {
        tries += 1;
        await deposit(tx, "a");
        if (tries === 1) throw new Error("first");
        // As if it had taken longer than that.
        clock.mockImplementation(() => now() + 1_500_000);
        within = renewals.length;
      });
      await eventually(() => expect(renewals.length).toBeGreaterThan(within));
      return tries;
    });
    clock.mockRestore();
    expect(value).toBe(2);
    expect([await countAccounts(db), await stepsOf(db)]).toEqual([1, ["book"]]);
  });
});

describe.runIf(onPostgres)("a transaction on postgresql", () => {
  test("whose handler caught a failed statement is RESULT_UNSTORABLE, and nothing of it is recorded", async () => {
    await using db = await openPostgres();
    const failure = await failureOf(
      leasing(db.prisma).runLeased(paying("k"), ({ transaction }) =>
        transaction("book", async ({ tx }) => {
          await deposit(tx, "a");
          await deposit(tx, "a").catch(() => {});
          return "booked";
        }),
      ),
    );
    expect(failure.code).toBe("RESULT_UNSTORABLE");
    expect(failure.message).toContain('The transaction "book" of orders.pay caught the error');
    expect([await stepsOf(db), await countAccounts(db)]).toEqual([[], 0]);
  });
});

describe.each(databases)("pruning on $name", ({ open }) => {
  test("leaves no step without its record, whichever of two comes first", async () => {
    await using db = await open();
    const idempotency = leasing(db.prisma);
    const keys = Array.from({ length: 30 }, (_, index) => `k${index}`);
    for (const key of keys) await idempotency.runLeased(paying(key), ({ step }) => step("charge", () => key));
    await db.prisma.idempotencyRecord.updateMany({ data: { expiresAt: new Date(0) } });
    const prune = () => idempotency.prune({ batchSize: 4 });
    await Promise.all([prune(), prune(), prune()]);
    await prune();
    const left = await db.query("SELECT count(*) AS n FROM idempotency_record");
    expect([Number(left[0]?.["n"]), await stepsOf(db)]).toEqual([0, []]);
  });
});
