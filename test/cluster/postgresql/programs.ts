/** The programs of Debian's packages that the clusters are made of. None is downloaded. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";

const PACKAGES = {
  pgbouncer: "pgbouncer",
  haproxy: "haproxy",
  patroni: "patroni",
  etcd: "etcd-server",
  setpriv: "util-linux",
} as const;

type Program = keyof typeof PACKAGES;

/** Debian keeps servers where a user's PATH may not look. */
const FOLDERS = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];

const pathOf = (program: string): string | undefined =>
  FOLDERS.map((folder) => join(folder, program)).find((path) => existsSync(path));

export function program(name: Program): string {
  const path = pathOf(name);
  if (path === undefined) throw new Error(`no ${name}: apt-get install ${PACKAGES[name]}`);
  return path;
}

/** A PgBouncer that knows named statements, as those from 1.21 on do: what `.ci/pgbouncer` builds, or the system's own. */
export const namingPgbouncer = (): string | undefined =>
  ["pgbouncer-newer", "pgbouncer"].map(pathOf).find((path) => path !== undefined && knowsNames(path));

export function knowsNames(pgbouncer: string): boolean {
  const version = /PgBouncer (\d+)\.(\d+)/.exec(execFileSync(pgbouncer, ["--version"], { encoding: "utf8" }));
  return Number(version?.[1]) > 1 || Number(version?.[2]) >= 21;
}

const VERSIONS = "/usr/lib/postgresql";

/** The folder of the newest PostgreSQL installed, with `pg_basebackup` and `pg_rewind`, which npm's package lacks. */
export function postgresFolder(): string | undefined {
  const versions = existsSync(VERSIONS) ? readdirSync(VERSIONS).map(Number) : [];
  return versions
    .toSorted((a, b) => b - a)
    .map((version) => join(VERSIONS, String(version), "bin"))
    .find((folder) => existsSync(join(folder, "pg_basebackup")));
}

/** What a run has to leave out for want of a program. In CI there must be all. */
export function postgresqlClustersLeftOut(): string[] {
  const missing = (Object.keys(PACKAGES) as Program[])
    .filter((name) => pathOf(name) === undefined)
    .map((name) => PACKAGES[name]);
  if (namingPgbouncer() === undefined)
    process.stderr.write("LEFT OUT: named statements behind PgBouncer. To run them: bash .ci/pgbouncer\n");
  const packages = [...(postgresFolder() === undefined ? ["postgresql"] : []), ...missing];
  if (packages.length === 0) return [];
  const message = `LEFT OUT: PostgreSQL behind PgBouncer, and in failovers. To run them: apt-get install ${packages.join(" ")}`;
  if (process.env["CI"]) throw new Error(message);
  process.stderr.write(`${message}\n`);
  return ["test/cluster/postgresql/**"];
}
