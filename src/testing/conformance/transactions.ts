import { deepStrictEqual as equal, notStrictEqual, ok } from "node:assert";
import {
  type Check,
  claimBy,
  completedBy,
  execute,
  failureOf,
  ID,
  inHandler,
  LIMITS,
  lapse,
  OPERATION,
} from "./conformance-case.ts";

const CLAIMED = { state: "claimed", attempt: 1 };
const finished = (owner: string, status: "completed" | "failed" = "completed", response = "done") => ({
  status,
  fingerprint: "f",
  owner,
  response,
});

/** What a store keeps for runs in one transaction. */
export const transactionCases: Readonly<Record<string, Check>> = {
  "a transaction commits its claim, the handler's writes and the outcome together": async (test) => {
    equal(await execute(test, test.store, claimBy("first")), CLAIMED);
    equal(await test.written(), 1);
    equal(await test.store.replayable(ID), finished("first"));
  },

  "a later claim finds the finished record, and changes nothing": async (test) => {
    await execute(test, test.store, claimBy("first"));
    const found = await execute(test, test.store, claimBy("second"));
    equal(found, { state: "finished", record: finished("first") });
    equal(await test.written(), 1);
  },

  "a transaction whose body rejects leaves nothing": async (test) => {
    const thrown = new Error("thrown by the body");
    const work = test.store.transaction({ limits: LIMITS, claim: claimBy("first") }, async (session) => {
      await session.claim();
      await inHandler(session, test.write);
      throw thrown;
    });
    equal(await failureOf(work), thrown);
    equal(await test.written(), 0);
    equal(await test.store.replayable(ID), undefined);
    equal(await execute(test, test.store, claimBy("second")), CLAIMED);
  },

  "an outcome of another owner is not stored, and nothing is committed": async (test) => {
    const work = test.store.transaction({ limits: LIMITS, claim: claimBy("first") }, async (session) => {
      await session.claim();
      await inHandler(session, test.write);
      return { value: undefined, outcome: completedBy("another") };
    });
    const error = await failureOf(work);
    equal((error as { reason?: unknown } | undefined)?.reason, "lost");
    equal(await test.written(), 0);
    equal(await test.store.replayable(ID), undefined);
  },

  "undo takes the handler's writes back, and keeps the claim": async (test) => {
    await test.store.transaction(
      { limits: LIMITS, claim: claimBy("first"), isUndoable: true },
      async (session) => {
        await session.claim();
        await inHandler(session, test.write);
        await session.undo();
        return { value: undefined, outcome: completedBy("first", { status: "failed", response: "no" }) };
      },
    );
    equal(await test.written(), 0);
    equal(await test.store.replayable(ID), finished("first", "failed", "no"));
  },

  "a statement that the handler has sent is awaited, and one after its end is refused": async (test) => {
    let late: Promise<unknown> | undefined;
    await test.store.transaction({ limits: LIMITS, claim: claimBy("first") }, async (session) => {
      await session.claim();
      const tx = await inHandler(session, async (client) => {
        // A promise of Prisma's is sent when it is asked for its value.
        void failureOf(test.write(client));
        return { client };
      });
      late = failureOf(test.write(tx.client));
      return { value: undefined, outcome: completedBy("first") };
    });
    ok((await late) instanceof Error, "a statement after the end of the handler was not refused");
    equal(await test.written(), 1);
  },

  "the running handler is known inside of it, and nowhere else": async (test) => {
    let inside: string | undefined;
    await test.store.transaction({ limits: LIMITS, claim: claimBy("first") }, async (session) => {
      await session.claim();
      await inHandler(session, async () => {
        inside = test.store.runningHandler()?.operation;
      });
      return { value: undefined, outcome: completedBy("first") };
    });
    equal(inside, OPERATION);
    equal(test.store.runningHandler(), undefined);
  },

  "a transaction inside a handler is a part of it, and is rolled back alone": async (test) => {
    const nested = (fails: boolean) =>
      test.store.transaction({ limits: { ...LIMITS, lockWaitMs: 0 } }, async (session) => {
        await inHandler(session, test.write);
        if (fails) {
          throw new Error("only this");
        }
        return { value: undefined };
      });
    await test.store.transaction({ limits: LIMITS, claim: claimBy("first") }, async (session) => {
      await session.claim();
      await inHandler(session, async (tx) => {
        await test.write(tx);
        notStrictEqual(await failureOf(nested(true)), undefined);
        await nested(false);
      });
      return { value: undefined, outcome: completedBy("first") };
    });
    equal(await test.written(), 2);
  },

  "a record whose retention is over is not replayed, and is claimed anew": async (test) => {
    await execute(test, test.store, claimBy("first"), { retentionMs: 1 });
    await lapse();
    equal(await test.store.replayable(ID), undefined);
    equal(await execute(test, test.store, claimBy("second")), CLAIMED);
    equal(await test.written(), 2);
  },

  "ids are told apart by every byte": async (test) => {
    const ids = ["a", "A", "a-", "a_", "-a"];
    for (const id of ids) {
      equal(await execute(test, test.store, claimBy(id, { id })), CLAIMED, `of ${JSON.stringify(id)}`);
    }
    for (const id of ids) {
      equal((await test.store.replayable(id))?.owner, id);
    }
  },

  "texts are kept as they are, also long ones": async (test) => {
    const response = `\\ ' " \` ? $1 :a é \u{1F600} \n\t${"x".repeat(100_000)}`;
    const scope = "s".repeat(5_000);
    await execute(test, test.store, claimBy("first", { scope }), { response });
    equal((await test.store.replayable(ID))?.response, response);
    equal((await test.store.upkeep.inspect(ID))?.scope, scope);
  },
};

/** What needs a second connection. */
export const racingCases: Readonly<Record<string, Check>> = {
  "what is not committed is seen by nobody else": async (test) => {
    const other = test.other ?? test.store;
    await test.store.transaction({ limits: LIMITS, claim: claimBy("first") }, async (session) => {
      await session.claim();
      await inHandler(session, test.write);
      equal(await other.replayable(ID), undefined);
      equal(await test.written(), 0);
      return { value: undefined, outcome: completedBy("first") };
    });
    equal(await other.replayable(ID), finished("first"));
  },

  "a claim waits for that of another transaction, and then finds its record": async (test) => {
    const other = test.other ?? test.store;
    const { second } = await test.store.transaction(
      { limits: LIMITS, claim: claimBy("first") },
      async (session) => {
        await session.claim();
        const waiting = execute(test, other, claimBy("second", { lockWaitMs: 10_000 }));
        await lapse();
        return { value: { second: waiting }, outcome: completedBy("first") };
      },
    );
    equal(await second, { state: "finished", record: finished("first") });
    equal(await test.written(), 0);
  },

  "a claim waits no longer than it may, and says that it met a lock": async (test) => {
    const other = test.other ?? test.store;
    await test.store.transaction({ limits: LIMITS, claim: claimBy("first") }, async (session) => {
      await session.claim();
      const error = await failureOf(execute(test, other, claimBy("second", { lockWaitMs: 50 })));
      equal(other.faultOf(error), "lock_timeout");
      return { value: undefined, outcome: completedBy("first") };
    });
    equal(await test.store.replayable(ID), finished("first"));
  },

  "a claim that waits for a transaction which is rolled back gets the record": async (test) => {
    const other = test.other ?? test.store;
    let second: Promise<unknown> | undefined;
    await failureOf(
      test.store.transaction({ limits: LIMITS, claim: claimBy("first") }, async (session) => {
        await session.claim();
        second = execute(test, other, claimBy("second", { lockWaitMs: 10_000 }));
        await lapse();
        throw new Error("rolled back");
      }),
    );
    equal(await second, CLAIMED);
    equal(await test.written(), 1);
  },
};
