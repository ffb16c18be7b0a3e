/** Each command as a process, in an application of TypeScript on SQLite and one of CommonJS on PostgreSQL. */
import { Decimal } from "decimal.js";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { expire } from "../support/runs.ts";
import { ended, kinds, openApp, type TestApp } from "./app.ts";

const named = (key: string, operation = "orders.place") => ({ operation, scope: "user-42", key });
const flags = ({ operation, scope, key }: ReturnType<typeof named>) =>
  ["--operation", operation, "--scope", scope, "--key", key] as const;

describe.concurrent.each(kinds)("onceonly, in an application on %s", (kind) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await openApp(kind);
  });
  afterAll(() => app[Symbol.asyncDispose]());

  const rows = async (where = "1 = 1") =>
    app.database.query(`SELECT * FROM idempotency_record WHERE ${where}`);
  const keep = (key: string, value: unknown = { id: key }, operation?: string) =>
    app.idempotency.run({ ...named(key, operation), input: value }, async () => value);

  /** Runs a command with `--json`, which prints nothing else, though the application prints too. */
  async function json(...args: readonly string[]) {
    const { code, stdout, stderr } = await app.onceonly(...args, "--json");
    return { code, stderr, document: stdout === "" ? undefined : (JSON.parse(stdout) as never) };
  }

  describe.sequential("check", () => {
    const leftBehind = () => rows("operation = 'onceonly/check'");

    it("has a key executed, replayed and forgotten, and leaves nothing", async () => {
      expect(await json("check")).toMatchObject({
        code: 0,
        document: { ok: true, findings: [], liveRun: "ok" },
      });
      expect(await leftBehind()).toEqual([]);
    });

    it("ends with 1 for tables that are not there, and leaves the run out", async () => {
      await app.database.query("ALTER TABLE idempotency_record RENAME TO away");
      try {
        const { code, document } = await json("check");
        expect(code).toBe(1);
        expect(document).toMatchObject({ ok: false, liveRun: "left out", findings: [{ severity: "fatal" }] });
      } finally {
        await app.database.query("ALTER TABLE away RENAME TO idempotency_record");
      }
    });

    /** The application's client, with a codec that does something of its own. */
    function configWith(codec: string): string {
      const [file, from] =
        kind === "sqlite"
          ? ["codec.config.ts", "./src/server/db.ts"]
          : ["codec.config.js", "./server/idempotency.js"];
      app.write(
        file,
        `import { createIdempotency } from "ONCEONLY";
        import { prisma } from "${from}";
        const codec = { name: "own", encode: JSON.stringify, decode: JSON.parse, ${codec} };
        export default { idempotency: createIdempotency({ prisma, codec }) };`,
      );
      return file;
    }

    it("removes its record, too, where the replay fails", async () => {
      const config = configWith('decode() { throw new Error("I forget"); }');
      const { code, document } = await json("check", "--config", config);
      expect(document).toMatchObject({
        liveRun: "failed",
        findings: [{ severity: "fatal", subject: "a live run" }],
      });
      expect(code).toBe(1);
      expect(await leftBehind()).toEqual([]);
    });

    it("removes its record before it stops at SIGINT", async () => {
      const config = configWith(`decode(text) {
        // A second one would end it at once.
        globalThis.isTold ??= process.kill(process.pid, "SIGINT");
        return JSON.parse(text);
      }`);
      const { code, stdout, stderr } = await app.onceonly("check", "--config", config);
      expect(stderr).toContain("onceonly: The check was stopped; its record is removed.\n");
      expect([code, stdout]).toEqual([2, ""]);
      expect(await leftBehind()).toEqual([]);
    });
  });

  describe.sequential("list", () => {
    const keysOf = (document: { records: { key: string }[] } | undefined) =>
      document?.records.map(({ key }) => key).toSorted();

    it("takes what narrows it, and tells where it goes on", async () => {
      for (const key of ["l1", "l2", "l3"]) await keep(key, 1, "list.me");
      const args = ["--operation", "list.me", "--since", "2h", "--state", "completed"];
      const first = await json("list", ...args, "--limit", "2");
      const { records, next } = first.document as unknown as { records: { key: string }[]; next: string };
      const rest = await json("list", ...args, "--after", next);
      expect([records.length, keysOf(rest.document)?.length]).toEqual([2, 1]);
      expect(rest.document).toMatchObject({ next: null });
    });

    it("prints a table whose cells do nothing to the terminal", async () => {
      await app.idempotency.run({ operation: "evil", scope: "a\u001b[2Jb\u202e", key: "k" }, async () => 1);
      const { code, stdout, stderr } = await app.onceonly("list", "--operation", "evil");
      expect(stdout).toMatch(/^STATE {6}CLAIMED {15}OPERATION {2}SCOPE/);
      expect(stdout).toContain("a\\u001b[2Jb\\u202e");
      // oxlint-disable-next-line no-control-regex
      expect(stdout).not.toMatch(/[\u001b\u202e]/);
      expect(code).toBe(0);
      expect(stderr).toBe(kind === "sqlite" ? "the application says hello\n" : "");
    });

    it("ends with 0 where its reader has had enough", async () => {
      const child = app.start(["list"]);
      child.stdout.destroy();
      expect(await new Promise((resolve) => child.once("exit", resolve))).toBe(0);
    });
  });

  describe.sequential("show", () => {
    const input = {
      at: new Date(0),
      big: 12n,
      price: new Decimal("12.50"),
      map: new Map([["a", new Set([1])]]),
    };
    const name = named("shown", "show.me");
    const isLeased = { storeInput: true, input };

    it("prints the whole record: by its name and by its id, for programs and for people", async () => {
      await app.idempotency.runLeased({ ...name, ...isLeased }, ({ step }) =>
        step("charge", () => ({ not: Number.NaN })),
      );
      const { document, code } = await json("show", ...flags(name));
      expect(document).toMatchObject({
        state: "completed",
        attempt: 1,
        leasedUntil: null,
        answer: { isReadable: true, value: { not: { $type: "number", value: "NaN" } } },
        input: {
          value: {
            at: { $type: "Date", value: "1970-01-01T00:00:00.000Z" },
            big: { $type: "bigint", value: "12" },
            price: { $type: "Decimal", value: "12.5" },
            map: { $type: "Map", value: [["a", { $type: "Set", value: [1] }]] },
          },
        },
        steps: [{ name: "charge", result: { isReadable: true } }],
      });
      expect(code).toBe(0);
      const { id } = document as unknown as { id: string };
      const pasted = await json("show", ...flags({ ...name, key: `"${name.key}"` }));
      expect([pasted.code, pasted.document]).toMatchObject([0, { id }]);
      const { stdout } = await app.onceonly("show", "--id", id);
      expect(stdout).toMatch(/^completed\noperation {2}show\.me\n/);
      expect(stdout).toMatch(/^step charge {2}\d{4}-.*after \d+ ms$/m);
      expect(stdout).toContain("big: 12n");
      expect(stdout).toContain("price: Decimal(12.5)");
    });

    it("ends with 1 where there is no record", async () => {
      const { code, document } = await json("show", ...flags(named("nobody")));
      expect({ code, document }).toMatchObject({ code: 1, document: { state: "unknown" } });
    });
  });

  describe.sequential("forget", () => {
    const name = named("forgotten", "forget.me");
    const left = async () => (await rows("operation = 'forget.me'")).length;
    beforeEach(() => keep(name.key, 1, name.operation));

    it("asks nobody without a terminal, and then deletes nothing", async () => {
      const { code, stdout, stderr } = await app.onceonly("forget", ...flags(name));
      expect({ code, stdout, stderr }).toEqual({
        code: 2,
        stdout: "",
        stderr: "onceonly: forget asks before it deletes, and there is no terminal to ask on: give --yes.\n",
      });
      expect(await left()).toBe(1);
    });

    it("deletes with --yes", async () => {
      expect(await json("forget", ...flags(name), "--yes")).toMatchObject({
        code: 0,
        document: { result: "forgotten" },
      });
      expect(await left()).toBe(0);
    });

    it("leaves a leased run alone that is alive, and ends with 1", async () => {
      let end = () => {};
      const running = app.idempotency.runLeased(named("alive", "forget.alive"), () => {
        return new Promise<void>((resolve) => {
          end = resolve;
        });
      });
      await eventually(async () => expect(await rows("operation = 'forget.alive'")).toHaveLength(1));
      const { code, stdout } = await app.onceonly(
        "forget",
        ...flags(named("alive", "forget.alive")),
        "--yes",
      );
      end();
      await running;
      expect([code, stdout]).toEqual([
        1,
        "Left alone: a leased run of key alive of forget.alive, scope user-42 is under way.\n",
      ]);
    });
  });

  describe.sequential("stats and prune", () => {
    it("stats tells the tables and the operations", async () => {
      await keep("s1", 1, "count.me");
      const { code, document } = await json("stats");
      expect(code).toBe(0);
      const { operations, tables } = document as unknown as {
        operations: { operation: string }[];
        tables: { bytes: number | null };
      };
      expect(operations.find(({ operation }) => operation === "count.me")).toEqual({
        operation: "count.me",
        inProgress: 0,
        completed: 1,
        failed: 0,
      });
      expect(tables.bytes === null).toBe(kind === "sqlite");
    });

    it("prune deletes what has expired, in batches, a line for each", async () => {
      for (const key of ["e1", "e2", "e3"]) await keep(key, 1, "prune.me");
      await expire(app.database, "e%");
      const { code, stdout, stderr } = await app.onceonly("prune", "--batch-size", "2");
      expect([code, stdout]).toEqual([0, "3 expired records deleted.\n"]);
      expect(stderr.match(/^\d expired records deleted$/gm)).toEqual([
        "2 expired records deleted",
        "3 expired records deleted",
      ]);
      expect(await rows("operation = 'prune.me'")).toEqual([]);
    });

    it("prune stops after its batch at SIGINT, and says how many are gone", async () => {
      const many = 20_000;
      await app.database.query(
        `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${many})
        INSERT INTO idempotency_record (id, scope, operation, key, fingerprint, status, owner, expires_at)
        SELECT 'x' || n, 's', 'prune.many', 'x' || n, '', 'completed', '', ${kind === "sqlite" ? "'2020-01-01T00:00:00.000+00:00'" : "'2020-01-01'::timestamptz"} FROM numbers`,
      );
      let isTold = false;
      const child = app.start(["prune", "--batch-size", "1", "--json"]);
      child.stderr.on("data", (printed: Buffer) => {
        // A second one would end it at once.
        if (!isTold && String(printed).includes("expired")) isTold = child.kill("SIGINT");
      });
      const { code, stdout } = await ended(child);
      const { deleted, isStopped } = JSON.parse(stdout) as { deleted: number; isStopped: boolean };
      expect([code, isStopped]).toEqual([1, true]);
      expect(await rows("operation = 'prune.many'")).toHaveLength(many - deleted);
    });
  });
});
