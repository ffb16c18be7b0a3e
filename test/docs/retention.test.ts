/** The recipes of the guide to retention, as they are printed. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { onPostgres, openPostgres, openSqlite, type TestDatabase } from "../support/database.ts";
import { expire, idempotencyOf, records, request } from "../support/runs.ts";
import { codeBlocks, read, root } from "./markdown.ts";
import { filesOf } from "./samples.ts";

const GUIDE = "docs/guides/retention.md";
// Inside the repository, or its packages would not be found.
const folder = `${root}test/docs/generated/retention`;

/** Two records, of which one has expired. */
async function half(db: TestDatabase) {
  const idempotency = idempotencyOf(db.prisma);
  for (const key of ["old", "new"]) await idempotency.run(request(key), async () => key);
  await expire(db, "old");
}
const keysOf = async (db: TestDatabase) => (await records(db)).map(({ key }) => key);

describe("in an application", () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await openSqlite();
    vi.stubEnv("DATABASE_URL", db.url);
    mkdirSync(folder, { recursive: true });
    for (const [path, { code }] of filesOf(GUIDE, folder, "sqlite")) writeFileSync(path, code);
  });
  beforeEach(async () => {
    await db.query("DELETE FROM idempotency_record");
    await half(db);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
    await db[Symbol.asyncDispose]();
  });

  /** The sample that begins with this comment, loaded. */
  const load = async (comment: string) => {
    const [path] =
      [...filesOf(GUIDE, folder, "sqlite")].find(([, { code }]) => code.startsWith(`// ${comment}`)) ?? [];
    return (await import(path ?? expect.fail())) as Record<string, unknown>;
  };

  it("the route of Vercel prunes for who knows the secret, and nobody else", async () => {
    const { GET } = (await load("app/api/prune")) as { GET: (request: Request) => Promise<Response> };
    const asked = async (authorization?: string) =>
      GET(
        new Request("http://localhost/api/prune", {
          headers: authorization === undefined ? {} : { authorization },
        }),
      );
    expect((await asked("Bearer undefined")).status).toBe(401);
    vi.stubEnv("CRON_SECRET", "s3cret");
    expect((await asked()).status).toBe(401);
    expect((await asked("Bearer other")).status).toBe(401);
    expect(await keysOf(db)).toEqual(["new", "old"]);
    expect(await (await asked("Bearer s3cret")).json()).toEqual({ deleted: 1 });
    expect(await keysOf(db)).toEqual(["new"]);
  });

  // They disconnect the client that they share: the script is the last.
  it("the Worker prunes when it is called", async () => {
    const { default: worker } = (await load("worker.ts")) as { default: { scheduled: () => Promise<void> } };
    await worker.scheduled();
    expect(await keysOf(db)).toEqual(["new"]);
  });

  it("the script prunes, and says how many", async () => {
    const log = vi.spyOn(console, "log").mockReturnValue();
    await load("prune.ts");
    expect(log.mock.calls).toEqual([["1 expired idempotency records deleted"]]);
    expect(await keysOf(db)).toEqual(["new"]);
  });
});

describe.runIf(onPostgres)("inside of PostgreSQL", () => {
  it("the procedure prunes in batches, and leaves what is leased", async () => {
    await using db = await openPostgres();
    const [procedure = expect.fail()] = codeBlocks(read(GUIDE)).filter(({ language }) => language === "sql");
    await db.query(procedure.code);
    await half(db);
    const copies = `INSERT INTO idempotency_record (id, scope, operation, key, fingerprint, status, owner, expires_at, locked_until)
SELECT id || n, scope, operation, key || n, fingerprint, status, owner, expires_at,`;
    await db.query(`${copies} NULL FROM idempotency_record, generate_series(1, 6500) AS n WHERE key = 'old'`);
    await db.query(
      `${copies} now() + interval '1 hour' FROM idempotency_record, generate_series(0, 0) AS n WHERE key = 'old'`,
    );
    await db.query(
      "INSERT INTO idempotency_step SELECT id, 's', created_at, '1', now() FROM idempotency_record",
    );
    await db.query("CALL onceonly_prune()");
    expect(await keysOf(db)).toEqual(["new", "old0"]);
    expect(await db.query("SELECT count(*)::int AS n FROM idempotency_step")).toEqual([{ n: 2 }]);
  });
});
