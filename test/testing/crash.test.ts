/** A process that is started with onceonly/testing/crash dies by SIGKILL where it is told to. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { crashAt, crashPoints } from "../../src/testing/crash/crash-point.ts";
import { bundleOf } from "../support/bundle.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { scaled } from "../support/scale.ts";

const fileOf = (path: string) => bundleOf(new URL(path, import.meta.url));

interface Ended {
  readonly signal: string | undefined;
  readonly output: string;
}

/** In two bundles, each with a copy of its own of what tells of the points, as an application may have. */
async function place({ provider, url }: TestDatabase, env: Readonly<Record<string, string>>): Promise<Ended> {
  const crash = fileOf("../../src/testing/crash/index.ts").href;
  const script = fileURLToPath(fileOf("crash-process.ts"));
  const environment = { ...process.env, TARGET: JSON.stringify({ provider, url }), ...env };
  return new Promise((resolve) => {
    execFile(process.execPath, ["--import", crash, script], { env: environment }, (error, stdout, stderr) =>
      resolve({ signal: error?.signal ?? undefined, output: stdout || stderr }),
    );
  });
}

const points = [
  ...crashPoints.filter((point) => point !== "step ended").map((point) => crashAt(point)),
  crashAt("statement", 2),
];
/** The last two that matter most: before the result is stored, and after COMMIT. */
const tried = scaled({ short: points.slice(2, 4), long: points });
const leased = scaled({
  short: [],
  long: [crashAt("claimed"), crashAt("step ended"), crashAt("handler ended")],
});

describe.each(databases)("a process on $name", ({ open }) => {
  it.each(tried)(
    "is killed at $CRASH_ONCEONLY_AT, and its retry is the one execution, or the replay",
    async (env) => {
      await using db = await open();
      expect(await place(db, env)).toEqual({ signal: "SIGKILL", output: "" });
      const isCommitted = env["CRASH_ONCEONLY_AT"] === "committed:1";
      expect(await db.countOrders()).toBe(isCommitted ? 1 : 0);
      // It comes by a third statement in none.
      const retry = await place(db, crashAt("statement", 3));
      expect(retry).toEqual({ signal: undefined, output: isCommitted ? "replayed" : "executed" });
      expect(await db.countOrders()).toBe(1);
    },
  );

  it.each(leased)("is killed at $CRASH_ONCEONLY_AT of a leased run, and its retry goes on", async (env) => {
    await using db = await open();
    expect(await place(db, { MODE: "lease", ...env })).toEqual({ signal: "SIGKILL", output: "" });
    // Only the handler ends after its step has committed.
    expect(await db.countOrders()).toBe(env["CRASH_ONCEONLY_AT"] === "handler ended:1" ? 1 : 0);
    expect(await place(db, { MODE: "lease" })).toEqual({ signal: undefined, output: "executed" });
    expect(await db.countOrders()).toBe(1);
  });
});

it("refuses a point that there is not", () => {
  expect(() => crashAt("commited" as never)).toThrow(
    /^onceonly: CRASH_ONCEONLY_AT is "commited:1"; give "claimed" or .*"statement:3"\.$/,
  );
  expect(() => crashAt("committed", 0)).toThrow(/is "committed:0"; give/);
});
