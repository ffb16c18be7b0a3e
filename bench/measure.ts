import { type Arena, openArena } from "./arena.ts";
import { contenders } from "./contenders/index.ts";
import type { DatabaseKind, Servers } from "./databases/database.ts";
import { databases } from "./databases/index.ts";
import { openDelayed } from "./delay.ts";
import { machine, packageVersions } from "./machine.ts";
import { measureAmbient } from "./questions/ambient.ts";
import { measureDuplicates, measureOtherQueries } from "./questions/duplicates.ts";
import { measureElsewhere } from "./questions/elsewhere.ts";
import { measureGrowth } from "./questions/growth.ts";
import { measureHeap } from "./questions/heap.ts";
import { measureHttp } from "./questions/http.ts";
import { measureKills } from "./questions/kills.ts";
import { measureNetwork } from "./questions/network.ts";
import { measureNode, newerNode } from "./questions/node.ts";
import { measureProcesses } from "./questions/processes.ts";
import { measurePrune } from "./questions/prune.ts";
import { measureSize } from "./questions/size.ts";
import { cellsOf, measureThroughput } from "./questions/throughput.ts";
import { measureTrips } from "./questions/trips.ts";
import { ratiosOf } from "./ratios.ts";
import { forgetInRedis } from "./redis.ts";
import type { Results } from "./results.ts";
import { type RunningServers, startServers } from "./servers.ts";
import type { Question, Settings } from "./settings.ts";
import { wrongIn } from "./wrong.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] };
type Findings = Mutable<
  Omit<Results, "ratios" | "mode" | "options" | "machine" | "durationSeconds" | "wrong" | "versions">
> & { readonly versions: Record<string, string> };

interface Run {
  readonly begin: number;
  readonly settings: Settings;
  readonly servers: RunningServers;
  readonly findings: Findings;
  readonly say: (line: string) => void;
}

/** Asks every question that is wanted, and returns all figures. */
export async function measure(settings: Settings, say: (line: string) => void): Promise<Results> {
  const begin = performance.now();
  const started = await startServers(neededBy(settings));
  await using delayed = await openDelayed(
    started.postgres ?? "",
    started.postgres === undefined ? 0 : settings.delayMs,
  );
  const servers = started.postgres === undefined ? started : { ...started, postgres: delayed.url };
  const findings: Findings = {
    versions: packageVersions(),
    missing: [],
    failed: [],
    throughput: [],
    network: [],
    node: [],
    processes: [],
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
  };
  try {
    if (servers.redisVersion !== undefined) findings.versions["redis server"] = servers.redisVersion;
    findings.missing.push(...missingLines(settings, servers));
    for (const line of findings.missing) say(`MISSING: ${line}`);
    const run: Run = { begin, settings, servers, findings, say };
    for (const kind of kindsOf(settings, servers)) {
      await noteVersion(run, kind);
      await onDatabase(run, kind);
    }
    for (const kind of kindsOf(settings, servers)) await killsOn(run, kind);
  } finally {
    if (servers.redis !== undefined) await forgetInRedis(servers.redis);
    await servers.stop();
  }
  const { json: _json, docs: _docs, ...options } = settings;
  return {
    ratios: ratiosOf(findings, settings.namedStatements),
    mode: settings.mode,
    options,
    machine: machine(),
    durationSeconds: Math.round((performance.now() - begin) / 1_000),
    wrong: wrongIn(findings),
    ...findings,
  };
}

function neededBy(settings: Settings): (keyof Servers)[] {
  const needs = [
    ...databases.filter(({ name }) => settings.databases.includes(name)),
    ...contenders.filter(({ name }) => settings.contenders.includes(name)),
  ].map((each) => each.needs);
  return (["postgres", "mariadb", "redis"] as const).filter((server) => needs.includes(server));
}

function kindsOf(settings: Settings, servers: Servers): DatabaseKind[] {
  return databases.filter(
    ({ name, needs }) =>
      settings.databases.includes(name) && (needs === undefined || servers[needs] !== undefined),
  );
}

/** The servers that are not there, each with what is dropped for it. */
function missingLines(settings: Settings, servers: RunningServers): string[] {
  const lines = [...servers.missing];
  const kinds = kindsOf(settings, servers);
  for (const { name } of databases) {
    if (settings.databases.includes(name) && !kinds.some((kind) => kind.name === name)) {
      lines.push(`${name} is left out, with every question that is asked of it`);
    }
  }
  for (const { name, title, needs, databases: on } of contenders) {
    if (!settings.contenders.includes(name)) continue;
    if (needs !== undefined && servers[needs] === undefined)
      lines.push(`${title} is left out: it needs ${needs}`);
    else if (on !== "all" && !kinds.some((kind) => on.includes(kind.name))) {
      lines.push(`${title} is left out: it runs on ${on.join(", ")} only`);
    }
  }
  return lines;
}

async function noteVersion({ servers, findings }: Run, kind: DatabaseKind): Promise<void> {
  await using database = await kind.open(servers);
  findings.versions[kind.name] = database.version;
}

async function onDatabase(run: Run, kind: DatabaseKind): Promise<void> {
  const { settings, servers, findings, say } = run;
  const first = kind.name === databases[0]?.name;
  // In a shorter run the further databases answer for speed and storms only.
  const all = first || settings.mode === "full";
  const arenaQuestions = (["throughput", "duplicates"] as const).filter(
    (name) => settings.questions.includes(name) && (name === "throughput" || kind.asks === "everything"),
  );
  if (arenaQuestions.length > 0 && inTime(run, `${kind.name}: ${arenaQuestions.join(", ")}`)) {
    await guarded(run, kind.name, async () => {
      await using arena = await openArena(kind, servers, settings);
      await ask(run, kind, "throughput", () => throughput(run, arena, settings.namedStatements));
      if (kind.asks === "everything") await ask(run, kind, "duplicates", () => duplicates(run, arena));
    });
  }
  if (kind.name !== "sqlite") {
    await ask(run, kind, "network", async () => {
      findings.network.push(...(await measureNetwork(kind, servers, settings, say)));
    });
  }
  if (kind.asks === "speed") return;
  if (all) {
    await ask(run, kind, "http", async () => {
      findings.http.push(...(await measureHttp(kind, servers, settings, say)));
    });
  }
  await ask(run, kind, "ambient", async () => {
    findings.ambient.push(...(await measureAmbient(kind, servers, settings)));
  });
  if (kind.name === "postgresql") await onPostgres(run, kind);
}

/** Last, as it takes longest where somebody is stuck. */
async function killsOn(run: Run, kind: DatabaseKind): Promise<void> {
  const { settings, servers, findings } = run;
  if (kind.asks === "speed") return;
  if (settings.mode !== "full" && kind.name !== databases[0]?.name) return;
  await ask(run, kind, "kills", async () => {
    findings.kills.push(...(await measureKills(kind, servers, settings)));
  });
}

/** What is asked of PostgreSQL only: of its protocol, its pool, and tables that are filled there. */
async function onPostgres(run: Run, kind: DatabaseKind): Promise<void> {
  const { settings, servers, findings, say } = run;
  await ask(run, kind, "heap", async () => {
    findings.heap.push(...(await measureHeap(kind, servers, settings)));
  });
  await ask(run, kind, "size", async () => {
    findings.size.push(...(await measureSize(kind, servers, settings.mode === "smoke" ? 200 : 3_000)));
  });
  await ask(run, kind, "trips", async () => {
    findings.trips.push(...(await measureTrips(kind, servers, settings)));
  });
  await ask(run, kind, "node", () => node(run, kind));
  await ask(run, kind, "processes", async () => {
    findings.processes.push(...(await measureProcesses(kind, servers, settings)));
    say(`${kind.name}: replays by a process that has not seen the record`);
    findings.throughput.push(...(await measureElsewhere(kind, servers, settings)));
  });
  await ask(run, kind, "names", () => names(run, kind));
  await ask(run, kind, "growth", async () => {
    const { growth, size } = await measureGrowth(kind, servers, settings, say);
    findings.growth.push(...growth);
    findings.size.push(...size);
  });
  await ask(run, kind, "prune", async () => {
    findings.prune.push(...(await measurePrune(kind, servers, settings, say)));
  });
}

/** Asks a question, if it is wanted and there is time. One that fails does not take an hour's other answers with it. */
async function ask(
  run: Run,
  kind: DatabaseKind,
  question: Question,
  answer: () => Promise<void>,
): Promise<void> {
  if (!asks(run, kind, question)) return;
  await guarded(run, `${kind.name}: ${question}`, answer);
}

async function guarded({ findings, say }: Run, what: string, answer: () => Promise<void>): Promise<void> {
  try {
    await answer();
  } catch (error) {
    say(`FAILED: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    // Without the paths of this machine.
    const line = `${what} failed: ${String(error).replaceAll(/(?:\/[\w.@+-]+){2,}/g, "(path)")}`;
    findings.failed.push(line);
  }
}

function asks(run: Run, kind: DatabaseKind, question: Question): boolean {
  if (!run.settings.questions.includes(question) || !inTime(run, `${kind.name}: ${question}`)) return false;
  run.say(`${kind.name}: ${question} (after ${Math.round(secondsOf(run))} s)`);
  return true;
}

/** A quick run begins nothing new when its time is nearly over, and says what it has left out. */
function inTime(run: Run, what: string): boolean {
  if (run.settings.mode !== "quick" || secondsOf(run) < QUICK_SECONDS) return true;
  const line = `${what} is left out: the machine is too slow for --quick to ask it within 3 minutes`;
  run.findings.missing.push(line);
  run.say(`MISSING: ${line}`);
  return false;
}

const QUICK_SECONDS = 135;

const secondsOf = ({ begin }: Run) => (performance.now() - begin) / 1_000;

async function throughput(run: Run, arena: Arena, namedStatements: boolean): Promise<void> {
  const { settings, findings, say } = run;
  for (const cell of cellsOf(settings, arena.database.name)) {
    const what = `${arena.database.name}: ${cell.work} write(s), ${cell.load}, concurrency ${cell.concurrency}`;
    if (!inTime(run, what)) continue;
    say(what);
    findings.throughput.push(await measureThroughput(arena, cell, settings, namedStatements));
  }
}

async function node({ servers, settings, findings, say }: Run, kind: DatabaseKind): Promise<void> {
  const newer = newerNode();
  if ("path" in newer) {
    findings.node.push(...(await measureNode(kind, servers, settings, newer.path)));
    return;
  }
  findings.missing.push(newer.missing);
  say(`MISSING: ${newer.missing}`);
}

/** The bare transaction and us with the other setting of `statementNameGenerator` than the rest has. */
async function names({ servers, settings, findings, say }: Run, kind: DatabaseKind): Promise<void> {
  const namedStatements = !settings.namedStatements;
  const two = { ...settings, contenders: settings.contenders.filter((name) => PAIR.includes(name)) };
  if (two.contenders.length === 0) return;
  await using arena = await openArena(kind, servers, two, namedStatements);
  for (const load of ["fresh", "replay"] as const) {
    say(`${kind.name}: statements ${namedStatements ? "with" : "without"} names, ${load}`);
    const cell = { work: "one", load, concurrency: 8 } as const;
    findings.throughput.push(await measureThroughput(arena, cell, two, namedStatements));
  }
}

const PAIR = ["bare", "onceonly"];

async function duplicates(run: Run, arena: Arena): Promise<void> {
  const { settings, findings, say } = run;
  for (const entrant of arena.entrants) {
    say(`${arena.database.name}: duplicates, ${entrant.contender.title}`);
    findings.duplicates.push(await measureDuplicates(arena, entrant));
  }
  const ours = arena.entrants.find(({ contender }) => contender.name === "onceonly");
  // SQLite has one writer, and its reads do not go through a pool that duplicates could empty.
  if (ours !== undefined && arena.database.server !== undefined) {
    const seconds = Math.max(0.1, Math.min(1, settings.seconds * 2));
    const rounds = settings.mode === "full" ? 7 : settings.mode === "quick" ? 3 : 1;
    findings.otherQueries.push(await measureOtherQueries(arena, ours, rounds, seconds));
  }
}
