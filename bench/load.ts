import { collect } from "./collect.ts";
import { percentile } from "./stats.ts";

/** What one contender did in one round. */
export interface Round {
  readonly operations: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the calling processes, in microseconds for each operation. */
  readonly cpuMicros: number;
  /** Of the database server, likewise; null where it cannot be seen. */
  readonly databaseCpuMicros: number | null;
  /** Names of errors, and how many there were of each. They are not counted as operations. */
  readonly errors: Readonly<Record<string, number>>;
}

/** What the callers of one process did. */
export interface Sample {
  readonly latenciesMs: readonly number[];
  readonly seconds: number;
  readonly cpuMicros: number;
  readonly errors: Readonly<Record<string, number>>;
}

/** Processor time of each session of the database so far, in microseconds; null where it cannot be seen. */
export type CpuMeter = () => Promise<ReadonlyMap<number, number> | null>;

/** A closed loop: `concurrency` callers, each of which begins anew as soon as it is answered. */
export async function sample(
  concurrency: number,
  seconds: number,
  operation: () => Promise<unknown>,
): Promise<Sample> {
  const latenciesMs: number[] = [];
  const errors: Record<string, number> = {};
  const cpu = process.cpuUsage();
  const begin = performance.now();
  const deadline = begin + seconds * 1_000;
  const caller = async () => {
    for (let now = performance.now(); now < deadline; ) {
      try {
        await operation();
        latenciesMs.push(performance.now() - now);
      } catch (error) {
        const name = errorName(error);
        errors[name] = (errors[name] ?? 0) + 1;
      }
      now = performance.now();
    }
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
  const elapsed = (performance.now() - begin) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return { latenciesMs, seconds: elapsed, cpuMicros: user + system, errors };
}

/** One round, of one process or of several at the same time, with what the database did meanwhile. */
export async function roundOf(
  run: () => Promise<readonly Sample[]>,
  databaseCpu: CpuMeter | undefined,
): Promise<Round> {
  const before = (await databaseCpu?.()) ?? null;
  const samples = await run();
  const after = (await databaseCpu?.()) ?? null;
  const latencies = samples.flatMap(({ latenciesMs }) => latenciesMs).sort((a, b) => a - b);
  const operations = latencies.length;
  const sum = (of: (sample: Sample) => number) => samples.reduce((total, each) => total + of(each), 0);
  const errors: Record<string, number> = {};
  for (const [name, count] of samples.flatMap((each) => Object.entries(each.errors))) {
    errors[name] = (errors[name] ?? 0) + count;
  }
  return {
    operations,
    perSecond: sum(({ latenciesMs, seconds }) => latenciesMs.length / seconds),
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    cpuMicros: sum(({ cpuMicros }) => cpuMicros) / operations,
    databaseCpuMicros: before === null || after === null ? null : spentBetween(before, after) / operations,
    errors,
  };
}

/** A session that has ended meanwhile must not take back what it spent before. */
function spentBetween(before: ReadonlyMap<number, number>, after: ReadonlyMap<number, number>): number {
  return [...after].reduce((sum, [session, micros]) => sum + micros - (before.get(session) ?? 0), 0);
}

/** One round of callers in this process. */
export function load(
  concurrency: number,
  seconds: number,
  operation: () => Promise<unknown>,
  databaseCpu?: CpuMeter,
): Promise<Round> {
  return roundOf(async () => [await sample(concurrency, seconds, operation)], databaseCpu);
}

/** A code where there is one: names alone tell little. */
export function errorName(error: unknown): string {
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown };
  return typeof code === "string" ? code : typeof name === "string" ? name : typeof error;
}

const COLLECT_EVERY = 100;

/** Runs `operation` so many times, at most `concurrency` at a time. */
export async function times(
  count: number,
  concurrency: number,
  operation: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const caller = async () => {
    while (next < count) {
      const index = next;
      next += 1;
      await operation(index);
      if (index % COLLECT_EVERY === COLLECT_EVERY - 1) await collect();
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, caller));
}
