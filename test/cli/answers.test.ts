/** What each command answers, on every database. That processes say the same is tested in commands.test.ts. */
import { describe, expect, it } from "vitest";
import { checked } from "../../src/cli/commands/check.ts";
import { forgotten } from "../../src/cli/commands/forget.ts";
import { listed } from "../../src/cli/commands/list.ts";
import { pruned } from "../../src/cli/commands/prune.ts";
import { inspected } from "../../src/cli/commands/show.ts";
import { counted } from "../../src/cli/commands/stats.ts";
import { createIdempotency } from "../../src/index.ts";
import { databases } from "../support/database.ts";
import { expire, request } from "../support/runs.ts";

const LIMIT = { limit: 50 };

describe.each(databases)("answers of the command line on $name", ({ name, open }) => {
  it("check: warnings are told and end with 0; what is fatal is not followed by a run", async () => {
    await using database = await open();
    const idempotency = createIdempotency({ prisma: database.prisma });
    const clean = await checked(idempotency);
    expect(clean.json).toMatchObject({ ok: true, liveRun: "ok" });
    const on = name === "mariadb" ? " ON idempotency_record" : "";
    await database.query(`DROP INDEX idempotency_record_expires_at_idx${on}`);
    const warned = await checked(idempotency);
    expect(warned).toMatchObject({ isNo: false, json: { ok: true, liveRun: "ok" } });
    expect(warned.lines.slice(0, 2)).toEqual([
      expect.stringMatching(/^ok {7}the set-up/),
      expect.stringMatching(/^warning {2}.*expires_at/),
    ]);
    expect(warned.lines.at(-1)).toMatch(/^ok {7}a key executed, replayed and forgotten/);
    await database.query("ALTER TABLE idempotency_step RENAME TO away");
    const fatal = await checked(idempotency);
    expect(fatal).toMatchObject({ isNo: true, json: { ok: false, liveRun: "left out" } });
    expect(fatal.lines.join("\n")).toMatch(/^fatal .*idempotency_step/m);
    expect(await database.query("SELECT * FROM idempotency_record")).toEqual([]);
  });

  it("check: a run that fails is fatal, and leaves nothing", async () => {
    await using database = await open();
    const idempotency = createIdempotency({ prisma: database.prisma });
    const broken = {
      ...idempotency,
      run: (async (...call) => {
        await idempotency.run(...call);
        throw new Error("in between");
      }) as typeof idempotency.run,
    };
    const answer = await checked(broken);
    expect(answer).toMatchObject({ isNo: true, json: { ok: false, liveRun: "failed" } });
    expect(answer.lines).toContain("fatal    a live run: It failed: in between.");
    const executing = {
      ...idempotency,
      run: ((call, handler) =>
        idempotency.run({ ...call, key: `${call.key}${Math.random()}` }, handler)) as typeof idempotency.run,
    };
    expect((await checked(executing)).lines.join()).toContain("the handler was executed 2 times");
    const other = {
      ...idempotency,
      run: (async (...call) => ({ ...(await idempotency.run(...call)), value: 1 })) as typeof idempotency.run,
    };
    expect((await checked(other)).lines.join()).toContain("The replay had another result than the execution");
    const keeping = { ...idempotency, forget: async () => "in_progress" as const };
    expect((await checked(keeping)).lines.join()).toContain(
      "forget() said in_progress and the record is completed",
    );
    expect(await database.query("SELECT * FROM idempotency_record WHERE scope <> 'onceonly'")).toEqual([]);
  });

  it("list: narrows by each filter, and looks on where a page is short", async () => {
    await using database = await open();
    const idempotency = createIdempotency({ prisma: database.prisma });
    for (const key of ["a", "b", "c"]) await idempotency.run(request(key), async () => 1);
    await idempotency.run({ operation: "other", scope: "v", key: "d" }, async () => 1);
    const keys = async (flags: Partial<Parameters<typeof listed>[1]>, from = idempotency) => {
      const { json } = await listed(from, { ...LIMIT, ...flags });
      return (json as { records: { key: string }[] }).records.map(({ key }) => key).toSorted();
    };
    expect(await keys({})).toEqual(["a", "b", "c", "d"]);
    expect(await keys({ operation: "other" })).toEqual(["d"]);
    expect(await keys({ scope: "u" })).toEqual(["a", "b", "c"]);
    expect(await keys({ key: "b" })).toEqual(["b"]);
    expect(await keys({ state: "failed" })).toEqual([]);
    const [hourAgo, inAnHour] = [-1, 1].map((hours) => new Date(Date.now() + hours * 3_600_000));
    expect(await keys({ since: hourAgo as Date })).toHaveLength(4);
    expect(await keys({ since: inAnHour as Date })).toEqual([]);
    expect(await keys({ before: hourAgo as Date })).toEqual([]);
    expect((await listed(idempotency, { ...LIMIT, key: "nobody" })).lines).toEqual(["No records."]);

    const short: typeof idempotency = {
      ...idempotency,
      list: (options) => idempotency.list({ ...options, limit: 1 }),
    };
    expect(await keys({}, short)).toEqual(["a", "b", "c", "d"]);
    const { lines } = await listed(short, { limit: 2 });
    const [, after = ""] = /^There may be more: --after (.+)$/.exec(lines.at(-1) ?? "") ?? [];
    expect([lines.length, (await keys({ after })).length]).toEqual([5, 2]);
  });

  it("show: a stored error, an unreadable answer, and a run that was abandoned", async () => {
    await using database = await open();
    const storeError = () => true;
    const idempotency = createIdempotency({ prisma: database.prisma, storeError });
    const show = async (key: string) => (await inspected(idempotency, request(key))).lines.join("\n");
    expect(await show("nobody")).toMatch(/^There is no record of key nobody of orders\.place, scope u\.\n/);
    const failing = () => Promise.reject(new RangeError("sold out"));
    await idempotency.run(request("failed"), failing).catch(() => {});
    expect(await show("failed")).toMatch(
      /^failed\n[^]*\nerror\n {2}Error \{ name: 'RangeError', message: 'sold out' \}/,
    );
    const codec = { name: "raw", encode: String, decode: (text: string) => text };
    await idempotency.run(request("foreign", { codec }), async () => "a\tb\u001b[2J");
    expect(await show("foreign")).toMatch(
      /\nanswer\n {2}cannot be read by this process: .*raw.*\n {2}.*a {2}b\\u001b\[2J/,
    );
    await idempotency.run(request("old"), async () => undefined);
    await expire(database, "old");
    expect(await show("old")).toMatch(
      /^completed, expired\n[^]*\nexpired .* ago\)\n\nanswer\n {2}undefined$/,
    );
    const lease = { ...request("abandoned"), leaseMs: 60_000 };
    const released = idempotency.with({ storeError: () => false });
    await released.runLeased(lease, failing).catch(() => {});
    expect(await show("abandoned")).toMatch(/^abandoned\n[^]*\nclaimed /);
  });

  it("forget: tells what was deleted; stats: counts; prune: says how many", async () => {
    await using database = await open();
    const idempotency = createIdempotency({ prisma: database.prisma });
    for (const key of ["a", "b", "c"]) await idempotency.run(request(key), async () => 1);
    const yes = { ...request("a"), yes: true };
    expect(await forgotten(idempotency, yes)).toMatchObject({ isNo: false, json: { result: "forgotten" } });
    expect(await forgotten(idempotency, yes)).toMatchObject({ isNo: true, json: { result: "unknown" } });
    await expire(database, "b");
    const { lines, json } = await counted(idempotency, {});
    expect(lines).toContain("  orders.place          2       0            0");
    expect(lines.join("\n")).toMatch(/^expired, not pruned {6}1, the oldest \d{4}.* ago\)$/m);
    expect(lines.join("\n")).toMatch(
      name === "sqlite" ? /not told by this database/ : /^size .* [kM]B, indexes included$/m,
    );
    expect(json).toMatchObject({
      tables: { expired: 1 },
      operations: [{ operation: "orders.place", completed: 2 }],
    });
    const later = { since: new Date(Date.now() + 3_600_000) };
    expect((await counted(idempotency, later)).lines.at(-1)).toBe("  none");
    expect(await pruned(idempotency, { batchSize: 1, dutyCycle: 1 })).toMatchObject({
      lines: ["1 expired record deleted."],
      json: { deleted: 1, isStopped: false },
      isNo: false,
    });
    expect(await database.query("SELECT key FROM idempotency_record")).toEqual([{ key: "c" }]);
  });
});
