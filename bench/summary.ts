import type { Measured, Results } from "./results.ts";
import { median } from "./stats.ts";
import { reached, targets } from "./targets.ts";

const fixed = (value: number | null | undefined, digits = 2) =>
  value === null || value === undefined || Number.isNaN(value) ? "-" : value.toFixed(digits);

/** The ratios first, then what they were made of. */
export function printSummary(results: Results, print: (line: string) => void): void {
  if (results.mode === "smoke") print("Smoke run: these figures mean nothing.");
  print("ratios");
  for (const target of targets) {
    const value = results.ratios[target.name];
    const verdict = value === null ? "" : reached(target, value) ? "reached" : "missed";
    const aim = `${target.at === "least" ? ">=" : "<="} ${target.write(target.value)}`;
    const measured = value === null ? "-" : target.write(value);
    print(`  ${target.name.padEnd(26)} ${measured.padStart(9)}  aim ${aim.padEnd(10)} ${verdict}`);
  }
  if (results.mode === "quick") print("  (quick: growth and prune are left out)");
  for (const { database, work, load, concurrency, namedStatements, contenders } of results.throughput) {
    const names = namedStatements ? ", named statements" : "";
    print(`\n${database}: ${work} write(s), ${load}, concurrency ${concurrency}${names}`);
    for (const each of contenders) print(lineOf(each));
  }
  const inProcesses = [
    ...results.node.map((each) => ({ ...each, where: `Node.js ${each.node}` })),
    ...results.processes.map((each) => ({ ...each, where: `${each.processes} process(es)` })),
  ];
  for (const { database, where, concurrency, contenders } of inProcesses) {
    print(`\n${database}: ${where}, fresh, ${concurrency} callers in all`);
    for (const each of contenders) print(lineOf(each));
  }
  for (const each of results.duplicates) {
    const errors = Object.entries(each.errors).map(([name, count]) => `${count} ${name}`);
    print(
      `${each.database} storm ${each.title.padEnd(30)} executed ${each.executions}, same ${each.sameResult}, ` +
        `other ${each.otherResults}, ${errors.join(" ")}; last ${fixed(each.lastAnswerMs, 0)} ms, ` +
        `other query ${fixed(each.otherQueryMs, 1)} ms, busy ${each.busyConnections ?? "-"}`,
    );
  }
  for (const each of results.kills) {
    print(
      `${each.database} kill ${each.point} ${each.title.padEnd(30)} rows ${each.rows}; first: ${each.firstAnswer}; ` +
        `last: ${each.lastAnswer} after ${fixed(each.answeredMs, 0)} ms, ${each.attempts} attempts`,
    );
  }
  for (const each of results.trips) {
    print(
      `trips ${each.title.padEnd(30)} ${each.work} ${each.load}: ${fixed(each.statements)} statements, ` +
        `${fixed(each.roundTrips)} round trips`,
    );
  }
  for (const { server, database, concurrency, variants } of results.http) {
    for (const { title, ratio, rounds } of variants) {
      const perSecond = median(rounds.map((round) => round.perSecond));
      print(
        `${server} ${database} c${concurrency} ${title.padEnd(36)} x${fixed(ratio?.median)} ${fixed(perSecond, 0)}/s`,
      );
    }
  }
  for (const { mode, state, runs, bare, onceonly, difference } of results.heap) {
    print(
      `heap ${mode}, ${runs} ${state}: bare ${fixed(bare.median, 0)}, onceonly ${fixed(onceonly.median, 0)}, ` +
        `difference ${fixed(difference.median, 0)} bytes each`,
    );
  }
  for (const { database, where, ratio } of results.ambient) {
    print(
      `ambient client ${where} on ${database}: x${fixed(ratio.median)} (${fixed(ratio.min)}-${fixed(ratio.max)})`,
    );
  }
  for (const { database, how, records, tableBytes, indexBytes } of results.size) {
    print(
      `size ${database} ${how}: ${fixed(tableBytes / records, 0)} + ${fixed(indexBytes / records, 0)} bytes of ${records}`,
    );
  }
  for (const { records, fillSeconds, claims, replays, claimRatio, replayRatio } of results.growth) {
    print(
      `growth ${records}: claims ${fixed(median(claims.map((round) => round.perSecond)), 0)}/s x${fixed(claimRatio.median)}, ` +
        `replays ${fixed(median(replays.map((round) => round.perSecond)), 0)}/s x${fixed(replayRatio.median)}, ` +
        `filled in ${fixed(fillSeconds, 0)} s`,
    );
  }
  for (const { expired, kept, rounds, beside } of results.prune) {
    for (const { alone, meanwhile, deleted, seconds } of beside) {
      print(
        `prune beside fresh keys: p50 ${fixed(alone.p50Ms, 1)} -> ${fixed(meanwhile.p50Ms, 1)} ms, ` +
          `p99 ${fixed(alone.p99Ms, 1)} -> ${fixed(meanwhile.p99Ms, 1)} ms, ${fixed(deleted / seconds, 0)} rows/s deleted`,
      );
    }
    for (const round of rounds) {
      print(
        `prune ${expired} of ${expired + kept}: ${fixed(round.rowsPerSecond, 0)} rows/s, ${round.batches} batches, ` +
          `p50 ${fixed(round.batchP50Ms, 1)} ms, max ${fixed(round.batchMaxMs, 1)} ms`,
      );
    }
  }
  for (const line of results.wrong) print(`NOT EXACTLY ONCE: ${line}`);
  for (const line of results.failed) print(`FAILED: ${line}`);
  for (const line of results.missing) print(`MISSING: ${line}`);
  print(`took ${results.durationSeconds} s`);
}

function lineOf({ title, rounds, ratio, keys, executions }: Measured): string {
  const perSecond = median(rounds.map((round) => round.perSecond));
  const p99 = median(rounds.map((round) => round.p99Ms));
  const cpu = median(rounds.map((round) => round.cpuMicros));
  const errors = rounds.reduce(
    (sum, round) => sum + Object.values(round.errors).reduce((a, b) => a + b, 0),
    0,
  );
  return (
    `  ${title.padEnd(30)} x${fixed(ratio?.median)} (${fixed(ratio?.min)}-${fixed(ratio?.max)})` +
    `${fixed(perSecond, 0).padStart(8)}/s  p99 ${fixed(p99, 1)} ms  cpu ${fixed(cpu, 0)} us` +
    `  ${executions} rows of ${keys} keys${errors > 0 ? `, ${errors} errors` : ""}`
  );
}
