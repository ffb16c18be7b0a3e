import { RATIOS, type RatioName, type Results } from "./results.ts";
import { median, ratioOf } from "./stats.ts";

type Findings = Pick<
  Results,
  "throughput" | "network" | "otherQueries" | "trips" | "http" | "heap" | "growth" | "prune"
>;

/** The figures that stand for all: medians over the rounds, on PostgreSQL unless they say otherwise; null where it was not measured. */
export function ratiosOf(findings: Findings, namedStatements: boolean): Record<RatioName, number | null> {
  const { otherQueries, heap, growth, prune } = findings;
  const others = otherQueries.find(({ database }) => database === "postgresql");
  const inFlight = heap.find(({ mode, state }) => mode === "onceonly" && state === "in the handler");
  // Ratios are to the first table. Other sizes than those of the name are no answer.
  const largest =
    growth[0]?.records === 10_000 ? growth.find(({ records }) => records === 10_000_000) : undefined;
  const pruned = prune.at(0);
  const versus = versusIn(findings.throughput, namedStatements);
  const over = (roundTripMs: number, database?: string) =>
    versusIn(
      findings.network.filter((each) => each.roundTripMs === roundTripMs),
      namedStatements,
      database,
    );
  const onMariadb = versusIn(findings.throughput, namedStatements, "mariadb");
  const found: Record<RatioName, number | null> = {
    fresh1_vs_bare_c1: versus("bare", "one", "fresh", 1),
    fresh1_vs_bare_c8: versus("bare", "one", "fresh", 8),
    fresh1_vs_bare_c32: versus("bare", "one", "fresh", 32),
    fresh4_vs_bare_c8: versus("bare", "four", "fresh", 8),
    fresh1_vs_handwritten_c8: versus("handwritten", "one", "fresh", 8),
    fresh1_vs_dbos_c8: versus("dbos", "one", "fresh", 8),
    replay_vs_find_c8: versus("find", "one", "replay", 8),
    replay_elsewhere_vs_find_c8: versus("find", "one", "elsewhere", 8),
    duplicates_connections: others === undefined ? null : Math.max(...others.connections),
    duplicates_other_p99: others?.ratio.median ?? null,
    claim_10m_vs_10k: largest?.claimRatio.median ?? null,
    replay_10m_vs_10k: largest?.replayRatio.median ?? null,
    prune_rows_per_s: pruned === undefined ? null : median(pruned.rounds.map((round) => round.rowsPerSecond)),
    prune_batch_ms_max:
      pruned === undefined ? null : Math.max(...pruned.rounds.map((round) => round.batchMaxMs)),
    trpc_http_vs_plain_c8: overHttp(findings.http, "trpc"),
    yoga_http_vs_plain_c8: overHttp(findings.http, "yoga"),
    heap_bytes_per_key: inFlight?.difference.median ?? null,
    mariadb_fresh1_vs_bare_c8: onMariadb("bare", "one", "fresh", 8),
    mariadb_fresh1_vs_bare_rtt2_c1: over(2, "mariadb")("bare", "one", "fresh", 1),
    mariadb_fresh1_vs_bare_rtt2_c8: over(2, "mariadb")("bare", "one", "fresh", 8),
    fresh1_vs_bare_rtt1_c1: over(1)("bare", "one", "fresh", 1),
    fresh1_vs_bare_rtt1_c8: over(1)("bare", "one", "fresh", 8),
    fresh1_vs_bare_rtt2_c1: over(2)("bare", "one", "fresh", 1),
    fresh1_vs_bare_rtt2_c8: over(2)("bare", "one", "fresh", 8),
    fresh1_vs_dbos_rtt2_c8: over(2)("dbos", "one", "fresh", 8),
    fresh1_vs_handwritten_tx_c8: versus("handwritten-tx", "one", "fresh", 8),
    fresh1_vs_handwritten_tx_rtt2_c8: over(2)("handwritten-tx", "one", "fresh", 8),
    trips_fresh_extra: tripsBetween(findings.trips),
    trips_replay_elsewhere: tripsOf(findings.trips, "onceonly", "elsewhere"),
    db_cpu_vs_bare_c8: databaseCpu(findings.throughput, namedStatements),
  };
  // In the order of the targets.
  return Object.fromEntries(RATIOS.map((name) => [name, found[name]])) as typeof found;
}

function tripsOf(trips: Findings["trips"], name: string, load: string): number | null {
  const found = trips.find((each) => each.contender === name && each.work === "one" && each.load === load);
  return found?.roundTrips ?? null;
}

/** Of a fresh key, beyond those of the handler's own transaction. */
function tripsBetween(trips: Findings["trips"]): number | null {
  const [ours, bare] = [tripsOf(trips, "onceonly", "fresh"), tripsOf(trips, "bare", "fresh")];
  return ours === null || bare === null ? null : ours - bare;
}

function databaseCpu(throughput: Findings["throughput"], namedStatements: boolean): number | null {
  const cell = throughput.find(
    (each) =>
      each.database === "postgresql" &&
      each.namedStatements === namedStatements &&
      each.work === "one" &&
      each.load === "fresh" &&
      each.concurrency === 8,
  );
  const micros = (wanted: string) =>
    cell?.contenders
      .find((each) => each.name === wanted)
      ?.rounds.flatMap(({ databaseCpuMicros }) => databaseCpuMicros ?? []);
  const [ours, bare] = [micros("onceonly"), micros("bare")];
  return ours?.length && ours.length === bare?.length ? ratioOf(ours, bare).median : null;
}

/** Operations a second of onceonly, to those of another contender under the same load. */
function versusIn(throughput: Findings["throughput"], namedStatements: boolean, database = "postgresql") {
  return (name: string, work: string, load: string, concurrency: number): number | null => {
    const cell = throughput.find(
      (each) =>
        each.database === database &&
        each.namedStatements === namedStatements &&
        each.work === work &&
        each.load === load &&
        each.concurrency === concurrency,
    );
    const perSecond = (wanted: string) =>
      cell?.contenders.find((each) => each.name === wanted)?.rounds.map((round) => round.perSecond);
    const ours = perSecond("onceonly");
    const theirs = perSecond(name);
    return ours === undefined || theirs === undefined ? null : ratioOf(ours, theirs).median;
  };
}

function overHttp(http: Findings["http"], server: string): number | null {
  const found = http.find(
    (each) => each.database === "postgresql" && each.server === server && each.concurrency === 8,
  );
  return found?.variants.find(({ name }) => name === "onceonly")?.ratio?.median ?? null;
}
