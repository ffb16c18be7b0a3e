import { collect } from "./collect.ts";
import { percentile } from "./stats.ts";

/** What one contender did in one round. */
export interface Round {
  readonly operations: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of this process, in microseconds for each operation. */
  readonly cpuMicros: number;
  /** Of the database server, likewise; null where it cannot be seen. */
  readonly databaseCpuMicros: number | null;
  /** Names of errors, and how many there were of each. They are not counted as operations. */
  readonly errors: Readonly<Record<string, number>>;
}

/** A closed loop: `concurrency` callers, each of which begins anew as soon as it is answered. */
export async function load(
  concurrency: number,
  seconds: number,
  operation: () => Promise<unknown>,
  databaseCpu?: () => Promise<number | null>,
): Promise<Round> {
  const latencies: number[] = [];
  const errors: Record<string, number> = {};
  const databaseBefore = (await databaseCpu?.()) ?? null;
  const cpu = process.cpuUsage();
  const begin = performance.now();
  const deadline = begin + seconds * 1_000;
  const caller = async () => {
    for (let now = performance.now(); now < deadline; ) {
      try {
        await operation();
        latencies.push(performance.now() - now);
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
  const databaseAfter = (await databaseCpu?.()) ?? null;
  latencies.sort((a, b) => a - b);
  return {
    operations: latencies.length,
    perSecond: latencies.length / elapsed,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    cpuMicros: (user + system) / latencies.length,
    databaseCpuMicros:
      databaseBefore === null || databaseAfter === null
        ? null
        : (databaseAfter - databaseBefore) / latencies.length,
    errors,
  };
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
