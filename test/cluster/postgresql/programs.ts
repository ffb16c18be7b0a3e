/** The programs of Debian's packages that the clusters are made of. None is downloaded. */
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

const pathOf = (program: Program): string | undefined =>
  FOLDERS.map((folder) => join(folder, program)).find((path) => existsSync(path));

export function program(name: Program): string {
  const path = pathOf(name);
  if (path === undefined) throw new Error(`no ${name}: apt-get install ${PACKAGES[name]}`);
  return path;
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
  const packages = [...(postgresFolder() === undefined ? ["postgresql"] : []), ...missing];
  if (packages.length === 0) return [];
  const message = `LEFT OUT: PostgreSQL behind PgBouncer, and in failovers. To run them: apt-get install ${packages.join(" ")}`;
  if (process.env["CI"]) throw new Error(message);
  process.stderr.write(`${message}\n`);
  return ["test/cluster/postgresql/**"];
}
