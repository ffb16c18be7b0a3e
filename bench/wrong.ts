import type { Results } from "./results.ts";

/** Every execution that should not have been. What a design allows is found as well as what is a bug. */
export function wrongIn({
  throughput,
  node,
  processes,
  duplicates,
  kills,
  http,
}: Pick<Results, "throughput" | "node" | "processes" | "duplicates" | "kills" | "http">): string[] {
  const lines: string[] = [];
  for (const { database, work, load, concurrency, contenders } of throughput) {
    for (const { name, executions, keys } of contenders) {
      if (executions <= keys) continue;
      lines.push(
        `${name}: ${executions} executions of ${keys} keys (${database}, ${work}, ${load}, ${concurrency})`,
      );
    }
  }
  const inProcesses = [
    ...node.map((each) => ({ ...each, where: `Node.js ${each.node}` })),
    ...processes.map((each) => ({ ...each, where: `${each.processes} processes` })),
  ];
  for (const { database, where, contenders } of inProcesses) {
    for (const { name, executions, keys } of contenders) {
      if (executions > keys)
        lines.push(`${name}: ${executions} executions of ${keys} keys (${where}, ${database})`);
    }
  }
  for (const { database, server, variants } of http) {
    for (const { name, executions, keys } of variants) {
      if (executions > keys)
        lines.push(`${name}: ${executions} executions of ${keys} keys (${server}, ${database})`);
    }
  }
  for (const { contender, executions, database } of duplicates) {
    if (executions !== 1)
      lines.push(`${contender}: ${executions} executions of a storm on one key (${database})`);
  }
  for (const { contender, rows, point, database } of kills) {
    if (rows !== 1) lines.push(`${contender}: ${rows} rows after kill -9 (${point}, ${database})`);
  }
  return lines;
}
