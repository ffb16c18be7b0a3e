export type Provider = "sqlite" | "postgresql";

const KNOWN: readonly Provider[] = ["sqlite", "postgresql"];

/** The databases the tests run on: DATABASES=sqlite,postgresql, all by default. */
export function selectedProviders(): Provider[] {
  const wanted = process.env["DATABASES"]?.split(",").map((name) => name.trim());
  if (wanted === undefined || wanted.join("") === "") return [...KNOWN];
  const unknown = wanted.find((name) => !KNOWN.some((provider) => provider === name));
  if (unknown !== undefined) throw new Error(`DATABASES: unknown "${unknown}", known: ${KNOWN.join(", ")}`);
  return KNOWN.filter((provider) => wanted.includes(provider));
}

/** What is about SQLite alone and named so, where the run leaves SQLite out: a skip would fail in CI. */
export function sqliteTestsLeftOut(): string[] {
  if (selectedProviders().includes("sqlite")) return [];
  process.stderr.write('LEFT OUT: tests of SQLite alone, as "DATABASES" says.\n');
  return ["test/*/sqlite.test.ts"];
}
