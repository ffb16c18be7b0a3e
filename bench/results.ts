/** What the JSON file holds. */
import type { Round } from "./load.ts";
import type { Machine } from "./machine.ts";
import type { Spread } from "./stats.ts";

/** One number for each; null where it was not measured. */
export const RATIOS = [
  "fresh1_vs_bare_c1",
  "fresh1_vs_bare_c8",
  "fresh1_vs_bare_c32",
  "fresh1_vs_bare_rtt2_c1",
  "fresh1_vs_bare_rtt2_c8",
  "fresh1_vs_bare_rtt1_c1",
  "fresh1_vs_bare_rtt1_c8",
  "trips_fresh_extra",
  "trips_replay_elsewhere",
  "db_cpu_vs_bare_c8",
  "fresh4_vs_bare_c8",
  "fresh1_vs_handwritten_c8",
  "fresh1_vs_dbos_c8",
  "fresh1_vs_handwritten_tx_c8",
  "fresh1_vs_handwritten_tx_rtt2_c8",
  "fresh1_vs_dbos_rtt2_c8",
  "replay_vs_find_c8",
  "replay_elsewhere_vs_find_c8",
  "duplicates_connections",
  "duplicates_other_p99",
  "claim_10m_vs_10k",
  "replay_10m_vs_10k",
  "prune_rows_per_s",
  "prune_batch_ms_max",
  "trpc_http_vs_plain_c8",
  "yoga_http_vs_plain_c8",
  "heap_bytes_per_key",
  "mariadb_fresh1_vs_bare_c8",
  "mariadb_fresh1_vs_bare_rtt2_c1",
  "mariadb_fresh1_vs_bare_rtt2_c8",
] as const;
export type RatioName = (typeof RATIOS)[number];

/** "elsewhere": replays by a process that has not seen the record. */
export type LoadName = "fresh" | "replay" | "mixed" | "elsewhere";

/** Contenders side by side under one load. */
export interface Throughput {
  readonly database: string;
  readonly work: string;
  readonly load: LoadName;
  readonly concurrency: number;
  readonly namedStatements: boolean;
  readonly contenders: readonly Measured[];
}

export interface Measured {
  /** A name of a contender; `find` is a bare `findUnique` of the row that a replay reads. */
  readonly name: string;
  readonly title: string;
  readonly rounds: readonly Round[];
  /** Operations a second, to those of the bare transaction, or of `find` where the load is `replay` or `elsewhere`. */
  readonly ratio: Spread | null;
  /** Keys that were used and rows that were found for them: more rows than keys is an execution too many. */
  readonly keys: number;
  readonly executions: number;
}

/** With a network between all of them and the database. */
export interface Network extends Throughput {
  /** Beyond that of loopback. */
  readonly roundTripMs: number;
}

/** Under one version of Node.js, in a process of its own. */
export interface OnNode {
  readonly database: string;
  readonly node: string;
  readonly concurrency: number;
  readonly contenders: readonly Measured[];
}

/** With the callers spread over so many processes. */
export interface Processes {
  readonly database: string;
  readonly processes: number;
  /** Of all processes together. */
  readonly concurrency: number;
  readonly contenders: readonly Measured[];
}

export interface Duplicates {
  readonly database: string;
  readonly contender: string;
  readonly title: string;
  readonly executions: number;
  /** Answers that were the result, of the first execution. */
  readonly sameResult: number;
  readonly otherResults: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly lastAnswerMs: number;
  /** How long an unrelated query took that was sent while the duplicates waited. */
  readonly otherQueryMs: number;
  /** The most connections that were at work or in a transaction while they waited, the owner's included. */
  readonly busyConnections: number | null;
}

/** Unrelated queries, while nothing else happens and while duplicates wait. */
export interface OtherQueries {
  readonly database: string;
  readonly idle: readonly { readonly samples: number; readonly p50Ms: number; readonly p99Ms: number }[];
  readonly busy: readonly { readonly samples: number; readonly p50Ms: number; readonly p99Ms: number }[];
  readonly ratio: Spread;
  /** Besides the owner's, the most that were seen in each round. */
  readonly connections: readonly number[];
}

export interface Kill {
  readonly database: string;
  readonly contender: string;
  readonly title: string;
  readonly point: "inside" | "committed";
  /** What the second process got at once, and what it got in the end. */
  readonly firstAnswer: string;
  readonly lastAnswer: string;
  /** Until that last answer. */
  readonly answeredMs: number;
  readonly attempts: number;
  readonly rows: number;
}

export interface Trips {
  readonly contender: string;
  readonly title: string;
  readonly work: string;
  /** "elsewhere": replayed by an instance that has not seen the record. */
  readonly load: "fresh" | "replay" | "elsewhere";
  readonly statements: number;
  readonly roundTrips: number;
  /** Of one run, in their order. */
  readonly texts: readonly string[];
}

export interface Http {
  readonly database: string;
  readonly server: "trpc" | "yoga";
  readonly concurrency: number;
  readonly variants: readonly Measured[];
}

export interface Heap {
  readonly mode: string;
  readonly state: "in the handler" | "queued";
  readonly runs: number;
  /** Bytes for each run in flight. */
  readonly bare: Spread;
  readonly onceonly: Spread;
  readonly difference: Spread;
}

/** The ambient client's speed, to that of a client without it. */
export interface Ambient {
  readonly database: string;
  readonly where: "outside" | "in a handler";
  readonly ratio: Spread;
}

export interface Size {
  readonly database: string;
  readonly how: string;
  readonly records: number;
  readonly tableBytes: number;
  readonly indexBytes: number;
}

export interface Growth {
  readonly records: number;
  readonly fillSeconds: number;
  readonly claims: readonly Round[];
  readonly replays: readonly Round[];
  /** To the smallest table. */
  readonly claimRatio: Spread;
  readonly replayRatio: Spread;
}

export interface Prune {
  readonly expired: number;
  readonly kept: number;
  readonly rounds: readonly {
    readonly rowsPerSecond: number;
    readonly batches: number;
    readonly batchP50Ms: number;
    readonly batchMaxMs: number;
  }[];
  /** Fresh keys alone, and while two pruners delete as they do by default. */
  readonly beside: readonly {
    readonly alone: Latency;
    readonly meanwhile: Latency;
    readonly deleted: number;
    readonly seconds: number;
  }[];
}

interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Results {
  readonly ratios: Readonly<Record<RatioName, number | null>>;
  readonly mode: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  /** A line for each server that was not there, and what went without it. */
  readonly missing: readonly string[];
  /** Questions that ended with an error; the others were asked all the same. */
  readonly failed: readonly string[];
  /** Executions that should not have been, by whom; a benchmark that hides them would be worthless. */
  readonly wrong: readonly string[];
  readonly durationSeconds: number;
  readonly throughput: readonly Throughput[];
  readonly network: readonly Network[];
  readonly node: readonly OnNode[];
  readonly processes: readonly Processes[];
  readonly duplicates: readonly Duplicates[];
  readonly otherQueries: readonly OtherQueries[];
  readonly kills: readonly Kill[];
  readonly trips: readonly Trips[];
  readonly http: readonly Http[];
  readonly heap: readonly Heap[];
  readonly ambient: readonly Ambient[];
  readonly size: readonly Size[];
  readonly growth: readonly Growth[];
  readonly prune: readonly Prune[];
}
