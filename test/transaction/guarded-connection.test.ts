/** What one server alone does not do: COMMIT and ROLLBACK that fail, and aborts that nobody tells. The answers are scripted. */
import { describe, expect, it } from "vitest";
import { type GuardedConnection, guardTransaction } from "../../src/prisma/client/guarded-connection.ts";
import { faultOf } from "../../src/sql/dialect/faults.ts";
import { dialects } from "../../src/sql/dialects.ts";

const { mariadb } = dialects;
const vanishing = mariadb.capabilities.vanishing!;

const failing = (errno: number) =>
  Object.assign(new Error(`no: ${errno}`), { errno, sqlState: "HY000", sqlMessage: "" });

const AUTOCOMMIT = 2;
const IN_TRANSACTION = 1;

/** `errors`: by the beginning of a text, the code that it is answered with. */
async function guarded(errors: Record<string, number> = {}, status = AUTOCOMMIT | IN_TRANSACTION) {
  const sent: string[] = [];
  const info = { status };
  const answer = async (query: unknown) => {
    const text = typeof query === "string" ? query : (query as { sql: string }).sql;
    sent.push(text.replace(/onceonly_\w+/, "w"));
    const failure = Object.entries(errors).find(([beginning]) => text.startsWith(beginning));
    if (failure !== undefined) throw failing(failure[1]);
    return { affectedRows: 1 };
  };
  const connection = {
    info,
    query: answer,
    execute: answer,
    release: async () => void sent.push("(released)"),
    destroy: () => void sent.push("(destroyed)"),
  };
  const transaction = { client: connection as unknown as GuardedConnection, rollback: async () => {} };
  const guard = await guardTransaction(transaction, vanishing);
  expect(transaction.client).toBe(guard);
  /** As the adapter does it. */
  const end = async (text: "COMMIT" | "ROLLBACK") => {
    try {
      await transaction.client.query({ sql: text });
    } finally {
      await transaction.client.release();
    }
  };
  return { guard, sent, info, end };
}

const BEGUN = ["SET autocommit=0", "SAVEPOINT w"];
const CONFIRMED = "RELEASE SAVEPOINT w";

describe("a guarded connection", () => {
  it("restores what it has set, and goes back to the pool", async () => {
    for (const [text, before] of [
      ["COMMIT", [CONFIRMED]],
      ["ROLLBACK", []],
    ] as const) {
      const { sent, end } = await guarded();
      await end(text);
      expect(sent).toEqual([...BEGUN, ...before, text, "SET autocommit=1", "(released)"]);
    }
  });

  it("leaves a session alone that had autocommit off", async () => {
    const { sent, end } = await guarded({}, IN_TRANSACTION);
    await end("COMMIT");
    expect(sent).not.toContain("SET autocommit=1");
  });

  it("confirms once: what comes with the outcome need not come with COMMIT", async () => {
    const { guard, sent, end } = await guarded();
    await guard.confirm();
    await end("COMMIT");
    expect(sent.filter((text) => text === CONFIRMED)).toHaveLength(1);
  });

  it("passes a COMMIT on that another node has aborted, as the write conflict that it is", async () => {
    const { end, sent } = await guarded({ COMMIT: 1213 });
    const error: unknown = await end("COMMIT").catch((thrown: unknown) => thrown);
    expect(faultOf(mariadb, error)).toBe("write_conflict");
    expect(sent.slice(-2)).toEqual(["(destroyed)", "(released)"]);
  });

  it("takes a transaction that is gone without a word for a write conflict, and commits nothing", async () => {
    const { end, sent } = await guarded({ "RELEASE SAVEPOINT": 1305 });
    const error: unknown = await end("COMMIT").catch((thrown: unknown) => thrown);
    expect(faultOf(mariadb, error)).toBe("write_conflict");
    expect(sent).toEqual([...BEGUN, CONFIRMED, "ROLLBACK", "SET autocommit=1", "(released)"]);
  });

  it.each([
    ["SET autocommit=1", 1317, "COMMIT"],
    ["SET autocommit=1", 45013, "ROLLBACK"],
    ["ROLLBACK", 1213, "ROLLBACK"],
  ] as const)("destroys the connection where %s fails", async (text, code, ending) => {
    const { end, sent } = await guarded({ [text]: code });
    await end(ending).catch(() => undefined);
    expect(sent.slice(-2)).toEqual(["(destroyed)", "(released)"]);
    // It would commit what ROLLBACK has left open.
    if (text === "ROLLBACK") expect(sent).not.toContain("SET autocommit=1");
  });

  it("sends nothing after an error that has rolled back, but after others", async () => {
    for (const [code, isOver] of [
      [1213, true],
      [1020, true],
      [1062, false],
      [1205, false],
      [1969, false],
    ] as const) {
      const { guard, end, sent } = await guarded({ UPDATE: code });
      await guard.execute({ sql: "UPDATE t" }).catch(() => undefined);
      const next = await guard
        .execute({ sql: "INSERT t" })
        .catch((error: unknown) => faultOf(mariadb, error));
      expect([code, sent.includes("INSERT t")]).toEqual([code, !isOver]);
      if (!isOver) continue;
      expect(next).toBe("transaction_aborted");
      await expect(end("COMMIT")).rejects.toThrow("nothing of it is committed");
      expect(sent).not.toContain("COMMIT");
    }
  });

  it("is over once the server says that it is in no transaction", async () => {
    const { guard, info, sent } = await guarded();
    info.status = 0;
    await expect(guard.execute({ sql: "CALL p()" })).rejects.toThrow('begins with "CALL p"');
    await expect(guard.execute({ sql: "INSERT t" })).rejects.toThrow("CALL p");
    expect(sent).not.toContain("INSERT t");
  });
});
