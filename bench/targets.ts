import type { RatioName } from "./results.ts";

export interface Target {
  readonly name: RatioName;
  readonly what: string;
  readonly at: "least" | "most";
  readonly value: number;
  /** How the figure is written. */
  readonly write: (value: number) => string;
}

const ratio = (value: number) => value.toFixed(2);
const whole = (value: number) => Math.round(value).toLocaleString("en");

/** What is aimed at, on PostgreSQL unless it says otherwise. */
export const targets: readonly Target[] = [
  {
    name: "fresh1_vs_bare_c1",
    what: "fresh key, one write, to a bare transaction, concurrency 1",
    at: "least",
    value: 0.53,
    write: ratio,
  },
  { name: "fresh1_vs_bare_c8", what: "the same, concurrency 8", at: "least", value: 0.57, write: ratio },
  { name: "fresh1_vs_bare_c32", what: "the same, concurrency 32", at: "least", value: 0.56, write: ratio },
  {
    name: "fresh1_vs_bare_rtt2_c1",
    what: "fresh key, one write, to a bare transaction, a network of 1 ms each way, concurrency 1",
    at: "least",
    value: 0.9,
    write: ratio,
  },
  { name: "fresh1_vs_bare_rtt2_c8", what: "the same, concurrency 8", at: "least", value: 0.87, write: ratio },
  {
    name: "fresh1_vs_bare_rtt1_c1",
    what: "the same with a round trip of 1 ms, concurrency 1",
    at: "least",
    value: 0.8,
    write: ratio,
  },
  { name: "fresh1_vs_bare_rtt1_c8", what: "the same, concurrency 8", at: "least", value: 0.75, write: ratio },
  {
    name: "trips_fresh_extra",
    what: "round trips of a fresh key, beyond those of the handler's own transaction",
    at: "most",
    value: 0,
    write: whole,
  },
  {
    name: "trips_replay_elsewhere",
    what: "round trips of a replay by a process that has not seen the record",
    at: "most",
    value: 2,
    write: whole,
  },
  {
    name: "db_cpu_vs_bare_c8",
    what: "CPU of the database for a fresh key, to a bare transaction",
    at: "most",
    value: 2,
    write: ratio,
  },
  {
    name: "fresh4_vs_bare_c8",
    what: "fresh key, four writes, to a bare transaction",
    at: "least",
    value: 0.92,
    write: ratio,
  },
  {
    name: "fresh1_vs_handwritten_c8",
    what: "fresh key, one write, to the hand-written table",
    at: "least",
    value: 2,
    write: ratio,
  },
  {
    name: "fresh1_vs_dbos_c8",
    what: "fresh key, one write, to DBOS with Prisma",
    at: "least",
    value: 3.5,
    write: ratio,
  },
  {
    name: "fresh1_vs_handwritten_tx_c8",
    what: "fresh key, one write, to the hand-written table in one transaction",
    at: "least",
    value: 1.4,
    write: ratio,
  },
  {
    name: "fresh1_vs_handwritten_tx_rtt2_c8",
    what: "the same, a network of 1 ms each way",
    at: "least",
    value: 1.65,
    write: ratio,
  },
  {
    name: "fresh1_vs_dbos_rtt2_c8",
    what: "fresh key, one write, to DBOS with Prisma, a network of 1 ms each way",
    at: "least",
    value: 4.5,
    write: ratio,
  },
  {
    name: "replay_vs_find_c8",
    what: "replay, to a bare `findUnique` of the row",
    at: "least",
    value: 1,
    write: ratio,
  },
  {
    name: "replay_elsewhere_vs_find_c8",
    what: "the same by a process that has not seen the record",
    at: "least",
    value: 0.3,
    write: ratio,
  },
  {
    name: "duplicates_connections",
    what: "connections that 99 waiting duplicates hold",
    at: "most",
    value: 1,
    write: whole,
  },
  {
    name: "duplicates_other_p99",
    what: "p99 of an unrelated query meanwhile, to its p99 when idle",
    at: "most",
    value: 1.2,
    write: ratio,
  },
  {
    name: "claim_10m_vs_10k",
    what: "claims in the largest table, to the smallest",
    at: "least",
    value: 0.9,
    write: ratio,
  },
  {
    name: "replay_10m_vs_10k",
    what: "replays in the largest table, to the smallest",
    at: "least",
    value: 0.9,
    write: ratio,
  },
  { name: "prune_rows_per_s", what: "records pruned in a second", at: "least", value: 200_000, write: whole },
  {
    name: "prune_batch_ms_max",
    what: "longest batch of a prune, ms",
    at: "most",
    value: 50,
    write: (value) => value.toFixed(1),
  },
  {
    name: "trpc_http_vs_plain_c8",
    what: "tRPC over HTTP, to the same mutation in a bare transaction",
    at: "least",
    value: 0.78,
    write: ratio,
  },
  { name: "yoga_http_vs_plain_c8", what: "Yoga over HTTP, likewise", at: "least", value: 0.78, write: ratio },
  {
    name: "heap_bytes_per_key",
    what: "heap of a run in flight beyond that of a bare transaction, bytes",
    at: "most",
    value: 4_000,
    write: whole,
  },
  {
    name: "mariadb_fresh1_vs_bare_c8",
    what: "on MariaDB: fresh key, one write, to a bare transaction",
    at: "least",
    value: 0.45,
    write: ratio,
  },
  {
    name: "mariadb_fresh1_vs_bare_rtt2_c1",
    what: "the same, a network of 1 ms each way, concurrency 1",
    at: "least",
    value: 0.6,
    write: ratio,
  },
  {
    name: "mariadb_fresh1_vs_bare_rtt2_c8",
    what: "the same, concurrency 8",
    at: "least",
    value: 0.6,
    write: ratio,
  },
];

export function reached({ at, value }: Target, measured: number): boolean {
  return at === "least" ? measured >= value : measured <= value;
}
