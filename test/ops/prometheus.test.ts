/** The rules by promtool, and all queries by a real Prometheus that has scraped real traffic. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { dashboardFile, rules, shownBy } from "./files.ts";
import { type Prometheus, promtool, startPrometheus } from "./programs.ts";
import { filledIn } from "./promql.ts";
import { openServed, tellsSize } from "./served.ts";

interface Vector {
  readonly result: readonly { metric: Record<string, string>; value: [time: number, value: string] }[];
}

test("promtool finds nothing wrong with the rules", async () => {
  expect(await promtool("check", "rules", "onceonly.rules.yml")).toContain(`${rules().length} rules found`);
});

test("promtool sees each alert when it should, and only then", async () => {
  expect(await promtool("test", "rules", "onceonly.rules.test.yml")).toContain("SUCCESS");
});

describe("a Prometheus that has scraped two rounds of traffic", () => {
  let app: Awaited<ReturnType<typeof openServed>>;
  let prometheus: Prometheus;

  const ask = async (query: string) => (await prometheus.get<Vector>("query", { query })).result;
  const COUNT = "onceonly_call_duration_count";

  /** Until Prometheus has seen all calls there were. */
  async function scraped(): Promise<void> {
    const served = (await app.read()).split("\n").filter((line) => line.startsWith(COUNT));
    const count = served.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
    await eventually(async () => {
      const [sum] = await ask(`sum(${COUNT})`);
      if (Number(sum?.value[1]) !== count) throw new Error(`of ${count} calls, it has seen ${sum?.value[1]}`);
    });
  }

  beforeAll(async () => {
    app = await openServed();
    prometheus = await startPrometheus(app.address);
    // The rate of a counter is that of what it gained since it was first seen.
    for (let round = 0; round < 2; round += 1) {
      await app.drive();
      await scraped();
    }
  });
  afterAll(async () => {
    await prometheus[Symbol.asyncDispose]();
    await app[Symbol.asyncDispose]();
  });

  const queries = shownBy(dashboardFile()).filter(
    ({ expr }) => tellsSize || !expr.includes("onceonly_table_size"),
  );

  test.each(queries)("shows something in $title: $legend", async ({ expr, legend }) => {
    const result = await ask(filledIn(expr, "5m"));
    const numbers = result.map(({ value: [, value] }) => Number(value)).filter(Number.isFinite);
    expect(numbers.length).toBeGreaterThan(0);
    if (expr.includes("rate(")) expect(Math.max(...numbers)).toBeGreaterThan(0);
    for (const [, label = ""] of legend.matchAll(/\{\{(\w+)\}\}/g)) {
      expect(result.some(({ metric }) => metric[label] !== undefined)).toBe(true);
    }
  });

  test("evaluates all rules, and alerts of what the traffic broke", async () => {
    const found = async () => {
      const { groups } = await prometheus.get<{
        groups: { rules: { name: string; health: string; state?: string; lastError?: string }[] }[];
      }>("rules");
      return groups.flatMap((group) => group.rules);
    };
    await expect.poll(async () => (await found()).every(({ health }) => health === "ok")).toBe(true);
    expect(await found()).toHaveLength(rules().length);
    // Those that wait for nothing.
    const firing = async () =>
      (await found()).filter(({ state }) => state === "firing").map(({ name }) => name);
    const broken = ["StoreMisconfigured", "ResultsUnreadable", "LeasesLost", "RunsGivenUp"];
    await expect.poll(firing).toEqual(expect.arrayContaining(broken.map((name) => `Onceonly${name}`)));
    const recorded = rules().flatMap(({ record }) => record ?? []);
    for (const name of recorded) await expect.poll(() => ask(name)).not.toEqual([]);
  });

  test("offers the values of the variables", async () => {
    const values = (label: string) => prometheus.get<string[]>(`label/${label}/values`);
    expect(await values("onceonly_operation")).toEqual(["orders.place"]);
    expect(await values("job")).toEqual(["shop"]);
  });
});
