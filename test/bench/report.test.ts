import { describe, expect, it } from "vitest";
import { ratiosOf } from "../../bench/ratios.ts";
import { pageOf } from "../../bench/report/page.ts";
import { svgOf } from "../../bench/report/svg.ts";
import { type Measured, RATIOS, type Results } from "../../bench/results.ts";
import { median, percentile, ratioOf } from "../../bench/stats.ts";
import { targets } from "../../bench/targets.ts";
import { wrongIn } from "../../bench/wrong.ts";

const round = (perSecond: number) => ({
  operations: perSecond,
  perSecond,
  p50Ms: 1,
  p99Ms: 2,
  cpuMicros: 3,
  databaseCpuMicros: 4,
  errors: {},
});

const measured = (name: string, perSecond: readonly number[], executions = 10): Measured => ({
  name,
  title: `<${name}>`,
  rounds: perSecond.map(round),
  ratio: ratioOf(perSecond, [100, 200, 400]),
  keys: 10,
  executions,
});

function results(): Results {
  const findings = {
    versions: { postgresql: "PostgreSQL 15" },
    missing: ["Redis is not there"],
    failed: ["size failed: Error: why\n at where"],
    network: [
      {
        database: "postgresql",
        work: "one",
        load: "fresh",
        concurrency: 8,
        namedStatements: false,
        roundTripMs: 2,
        contenders: [measured("bare", [100, 200, 400]), measured("onceonly", [90, 180, 380])],
      },
    ],
    node: ["v20.20.2", "v24.22.3"].map((node, at) => ({
      database: "postgresql",
      node,
      concurrency: 8,
      contenders: [
        measured("bare", [100, 200, 400]),
        measured("onceonly", at === 0 ? [1, 2, 4] : [70, 140, 280]),
      ],
    })),
    processes: [1, 2].map((processes) => ({
      database: "postgresql",
      processes,
      concurrency: 8,
      contenders: [
        measured("bare", [100, 200, 400]),
        measured("onceonly", [60, 120, 240], processes === 2 ? 12 : 10),
      ],
    })),
    throughput: [
      {
        database: "postgresql",
        work: "one",
        load: "elsewhere",
        concurrency: 8,
        namedStatements: false,
        contenders: [measured("onceonly", [40, 80, 160]), measured("find", [100, 200, 400])],
      },
      {
        database: "postgresql",
        work: "one",
        load: "fresh",
        concurrency: 8,
        namedStatements: false,
        contenders: [measured("bare", [100, 200, 400], 11), measured("onceonly", [80, 100, 320])],
      },
    ],
    duplicates: [],
    otherQueries: [],
    kills: [],
    trips: [],
    http: [],
    heap: [],
    ambient: [],
    size: [],
    growth: [],
    prune: [],
  } as const;
  return {
    ...findings,
    ratios: ratiosOf(findings, false),
    mode: "full",
    options: { databases: ["postgresql"], rounds: 3, seconds: 1, namedStatements: false },
    machine: { cpu: "CPU", cores: 2, memoryGb: 4, system: "Linux x64", node: "v20" },
    wrong: wrongIn(findings),
    durationSeconds: 1,
  };
}

describe("the benchmark's figures", () => {
  it("takes a ratio in each round, and then the median", () => {
    // The ratio of the medians would be 0.5.
    expect(ratioOf([80, 100, 320], [100, 200, 400])).toMatchObject({ median: 0.8, min: 0.5, max: 0.8 });
    expect(results().ratios.fresh1_vs_bare_c8).toBe(0.8);
    expect(results().ratios.fresh1_vs_bare_rtt2_c8).toBe(0.9);
    expect(results().ratios.db_cpu_vs_bare_c8).toBe(1);
    expect(results().ratios.replay_elsewhere_vs_find_c8).toBe(0.4);
  });

  it("has null for what was not measured", () => {
    expect(results().ratios).toMatchObject({ claim_10m_vs_10k: null, prune_rows_per_s: null });
  });

  it("knows medians and percentiles", () => {
    expect([median([3, 1, 2]), median([1, 2, 3, 10]), percentile([1, 2, 3, 4], 0.99)]).toEqual([2, 2.5, 4]);
  });

  it("finds executions that should not have been", () => {
    expect(results().wrong).toEqual([
      "bare: 11 executions of 10 keys (postgresql, one, fresh, 8)",
      "onceonly: 12 executions of 10 keys (2 processes, postgresql)",
    ]);
  });

  it("has an aim for each figure", () => {
    expect(targets.map(({ name }) => name)).toEqual([...RATIOS]);
  });
});

describe("the page of results", () => {
  it("shows what was measured, and says what was not", () => {
    const { markdown, plots } = pageOf(results());
    expect(markdown).toContain("| <onceonly> | 0.80 | 0.50 – 0.80 | 100 | 1.0 | 2.0 | 3 | 4 | yes |");
    expect(markdown).toContain("11 rows of 10 keys");
    expect(markdown).toContain("- Missing: Redis is not there\n- Failed: size failed: Error: why\n");
    expect(markdown).toContain("| the same, concurrency 8 | ≥ 0.57 | 0.80 | yes |");
    expect(markdown).toContain("| records pruned in a second | ≥ 200,000 | not measured |  |");
    const sections = ["fresh", "network", "node", "processes", "elsewhere"];
    expect([...plots.keys()]).toEqual(sections.map((name) => `performance-${name}.svg`));
  });

  it("sets the versions of Node.js and the numbers of processes beside each other", () => {
    const { markdown } = pageOf(results());
    expect(markdown).toContain("| Node.js 24.22.3, concurrency 8 | ratio |");
    expect(markdown).toContain("| <onceonly> | 0.70 | 0.70 – 0.70 | 140 |");
    expect(markdown).toContain("| 2 processes, 8 callers in all | ratio |");
    expect(markdown).toContain("12 rows of 10 keys");
  });

  it("writes plots that are XML, with the longest bar inside the picture", () => {
    const bars = [
      { label: "a < b", value: 2, min: 1, max: 4 },
      { label: "c", value: 3 },
    ];
    const svg = svgOf({ title: `"t" & u`, unit: "u", groups: [{ bars }] });
    expect(svg).toContain("a &lt; b");
    expect(svg).toContain('aria-label="&quot;t&quot; &amp; u"');
    const ends = [...svg.matchAll(/x2="([\d.]+)"/g)].map(([, end]) => Number(end));
    expect(Math.max(...ends)).toBeLessThanOrEqual(760 - 90);
  });
});
