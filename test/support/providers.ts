export type Provider = "sqlite" | "postgresql" | "mariadb";

/** The databases that examples and documents have clients for. */
export type ExampleProvider = Exclude<Provider, "mariadb">;

const KNOWN: readonly Provider[] = ["sqlite", "postgresql", "mariadb"];

/** MariaDB needs a server, which npm does not have: the project "mariadb" asks for it (vitest.config.ts), or who has one. */
const UNASKED: readonly Provider[] = ["sqlite", "postgresql"];

/** The databases the tests run on: DATABASES=sqlite,postgresql,mariadb, the first two by default. */
export function selectedProviders(): Provider[] {
  const wanted = process.env["DATABASES"]?.split(",").map((name) => name.trim());
  if (wanted === undefined || wanted.join("") === "") return [...UNASKED];
  const unknown = wanted.find((name) => !KNOWN.some((provider) => provider === name));
  if (unknown !== undefined) throw new Error(`DATABASES: unknown "${unknown}", known: ${KNOWN.join(", ")}`);
  return KNOWN.filter((provider) => wanted.includes(provider));
}

/** The server of the tests on MariaDB: the URL of a user that may create databases, such as mariadb://root@127.0.0.1:3306. */
export const mariadbUrl = (): string | undefined => process.env["TEST_MARIADB_URL"] || undefined;

/** What is about SQLite alone and named so, where the run leaves SQLite out: a skip would fail in CI. */
export function sqliteTestsLeftOut(): string[] {
  if (selectedProviders().includes("sqlite")) return [];
  process.stderr.write('LEFT OUT: tests of SQLite alone, as "DATABASES" says.\n');
  return ["test/*/sqlite.test.ts"];
}

/** What is about MariaDB alone and named so, where the run does not ask for it. */
export function mariadbTestsLeftOut(): string[] {
  return selectedProviders().includes("mariadb") ? [] : ["test/*/mariadb*.test.ts"];
}
