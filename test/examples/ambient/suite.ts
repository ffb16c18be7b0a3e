/** Kills, storms and failures, as in test/chaos, over an application that knows nothing of `tx`. */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { databases, type TestDatabase } from "../../support/database.ts";
import { scaled } from "../../support/scale.ts";
import { createTablesOf } from "../tables.ts";
import { type Answer, type Example, executionsOf, recordsOf, sharesOf, sumsOf } from "./example.ts";
import { type ExampleWorker, type Requests, startExample } from "./worker.ts";

const root = new URL("../../../", import.meta.url);

const DUPLICATES = scaled({ short: 10, long: 50 });
const KEYS = scaled({ short: 15, long: 90 });

export interface Opened extends AsyncDisposable {
  database: TestDatabase;
  start(): Promise<ExampleWorker>;
}

/** A database with the tables and first rows of the example instead of those of the test application. */
export async function openExample(example: Example, open: () => Promise<TestDatabase>): Promise<Opened> {
  const database = await open();
  const { provider, url } = database;
  await createTablesOf(example.name, database);
  for (const sql of example.seed) await database.query(sql);
  return {
    database,
    start: () => startExample({ example: example.name, target: { provider, url } }),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

export async function send(worker: ExampleWorker, ...requests: Requests["requests"]) {
  worker.send({ type: "send", requests });
  return worker.waitFor("answered");
}

async function sendOne(worker: ExampleWorker, key: string): Promise<Answer> {
  const { answers } = await send(worker, { key });
  return answers[0] as Answer;
}

/**
 * Before each statement, but for those that come after one that only reads: the database is as it was before that. In the short
 * lane on both sides of COMMIT only.
 */
function pointsIn(statements: readonly string[]): number[] {
  return scaled({
    // Some adapters commit by a statement, and are told of it afterwards.
    short: [
      statements.findIndex((sent) => /^(COMMIT|\(commit\))$/.test(sent)),
      statements.indexOf("(committed)"),
    ],
    long: [...statements.keys()].filter((n) => !statements[n - 1]?.startsWith("SELECT")),
  });
}

/** Starts each while the one before is used, and ends them. */
async function* inTurn(start: Opened["start"], count: number): AsyncGenerator<ExampleWorker> {
  let next: Promise<ExampleWorker> | undefined = start();
  try {
    for (let left = count - 1; next !== undefined; left -= 1) {
      await using worker: ExampleWorker = await next;
      next = left > 0 ? start() : undefined;
      yield worker;
    }
  } finally {
    await next?.then(
      (worker) => worker.kill(),
      () => {},
    );
  }
}

export function crashTests(example: Example): void {
  describe.each(databases)(`examples/${example.name} on $name`, ({ open }) => {
    test("killed between any two statements, and after COMMIT: one execution, and the retry answers with it", async () => {
      await using opened = await openExample(example, open);
      const { database, start } = opened;
      await using heir = await start();
      const rehearsal = await send(heir, { key: "rehearsal" });
      const { statements } = rehearsal;
      expect(statements).toEqual(expect.arrayContaining(["(begin)", "(commit)", "(committed)"]));

      const points = pointsIn(statements);
      const committed: boolean[] = [];
      for await (const victim of inTurn(start, points.length)) {
        const n = committed.length;
        const key = `k${n}`;
        victim.send({ type: "send", requests: [{ key }], stopBefore: points[n] as number });
        const { statement: where } = await victim.waitFor("stopped");
        await victim.kill();

        const left = await executionsOf(example, database, key);
        const { id, replayed, error } = await sendOne(heir, key);
        expect({ where, error, replayed }).toEqual({ where, error: undefined, replayed: left.length > 0 });
        if (replayed) expect(left).toEqual([{ id, isComplete: true }]);
        const executions = await executionsOf(example, database, key);
        expect({ where, executions }).toEqual({ where, executions: [{ id, isComplete: true }] });
        expect(await recordsOf(database, key)).toEqual(["completed"]);
        committed.push(replayed);
        const sums = await sumsOf(example, database);
        expect({ where, sums }).toEqual({ where, sums: sharesOf(example, committed.length + 1) });
      }
      // Nothing is there up to a moment, and all of it afterwards.
      expect(committed).toEqual([...committed].sort((a, b) => Number(a) - Number(b)));
      expect([committed[0], committed.at(-1)]).toEqual([false, true]);

      // A process that knows none of them.
      await using stranger = await start();
      for (let n = 0; n < points.length; n += 1) {
        const { id, replayed } = await sendOne(stranger, `k${n}`);
        expect(replayed).toBe(true);
        expect(await executionsOf(example, database, `k${n}`)).toEqual([{ id, isComplete: true }]);
      }
    });

    test(`${2 * DUPLICATES} duplicates at once, whose executor is killed when it has written: one execution, and all get its answer`, async () => {
      await using opened = await openExample(example, open);
      const { database, start } = opened;
      await using victim = await start();
      await using heir = await start();
      const { statements } = await send(heir, { key: "rehearsal" });
      await heir.waitFor("began");
      const stopBefore = statements.findIndex((statement) =>
        statement.startsWith(`UPDATE "idempotency_record"`),
      );
      expect(stopBefore).toBeGreaterThan(0);
      const duplicates = Array.from({ length: DUPLICATES }, () => ({ key: "k" }));
      victim.send({ type: "send", requests: duplicates, stopBefore });
      await victim.waitFor("stopped");
      heir.send({ type: "send", requests: [...duplicates, ...duplicates] });
      await heir.waitFor("began");
      await victim.kill();
      const { answers } = await heir.waitFor("answered");
      expect(answers).toHaveLength(2 * DUPLICATES);
      expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
      const bodies = new Set(answers.map(({ error, body }) => JSON.stringify({ error, body })));
      expect(bodies.size).toBe(1);
      expect(await executionsOf(example, database, "k")).toEqual([{ id: answers[0]?.id, isComplete: true }]);
      expect(await recordsOf(database, "k")).toEqual(["completed"]);
      expect(await sumsOf(example, database)).toEqual(sharesOf(example, 2));
    });

    test("a mutation that fails after its services wrote leaves nothing", async () => {
      await using opened = await openExample(example, open);
      const { database, start } = opened;
      await using worker = await start();
      const { answers, statements } = await send(worker, { key: "k", fails: true });
      expect(answers).toMatchObject([{ id: undefined, error: expect.stringMatching(example.failure.error) }]);
      for (const table of example.written) {
        expect(statements.join("\n")).toMatch(new RegExp(`(INSERT INTO|UPDATE) \\S*["\`]${table}["\`]`));
      }
      expect(await executionsOf(example, database, "k")).toEqual([]);
      expect(await recordsOf(database, "k")).toEqual(example.failure.records);
      expect(await sumsOf(example, database)).toEqual(sharesOf(example, 0));
      // The retry too.
      const retry = await send(worker, { key: "k", fails: true });
      expect(retry.answers[0]?.error).toBe(answers[0]?.error);
      expect(await sumsOf(example, database)).toEqual(sharesOf(example, 0));
      await sendOne(worker, "l");
      expect(await sumsOf(example, database)).toEqual(sharesOf(example, 1));
    });

    test(`${KEYS} keys at once, of which a third fails: each has its own rows, and all of them`, async () => {
      await using opened = await openExample(example, open);
      const { database, start } = opened;
      await using worker = await start();
      const requests = Array.from({ length: KEYS }, (_, n) => ({ key: `k${n}`, fails: n % 3 === 0 }));
      const { answers } = await send(worker, ...requests);
      for (const [n, { key, fails }] of requests.entries()) {
        const { id, error } = answers[n] as Answer;
        expect([key, error]).toEqual([key, fails ? expect.stringMatching(example.failure.error) : undefined]);
        expect([key, await executionsOf(example, database, key)]).toEqual([
          key,
          fails ? [] : [{ id, isComplete: true }],
        ]);
        expect([key, await recordsOf(database, key)]).toEqual([
          key,
          fails ? example.failure.records : ["completed"],
        ]);
      }
      expect(await sumsOf(example, database)).toEqual(sharesOf(example, (KEYS / 3) * 2));
    });
  });

  test(`examples/${example.name} shows it`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "a path with spaces "));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const { DATABASE_URL: _, ...env } = process.env;
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ["--import", "tsx", `examples/${example.name}/main.ts`],
      { cwd: fileURLToPath(root), env: { ...env, TMPDIR: folder, TEMP: folder } },
    );
    expect(stdout.trimEnd().split("\n")).toEqual(example.output);
    // The guard has nothing to warn of.
    expect(stderr).toBe("");
    expect(readdirSync(folder).filter((name) => name.startsWith("onceonly"))).toEqual([]);
  });
}
