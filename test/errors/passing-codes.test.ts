/** Codes of PostgreSQL, and of poolers before it, that pass, and such that look like them and do not. */
import { describe, expect, test } from "vitest";
import { onPostgres, openPostgres, type TestDatabase } from "../support/database.ts";
import { failureOf, idempotencyOf, placing, records, request } from "../support/runs.ts";

/** Has the database refuse each claim with these. */
async function refuse(db: TestDatabase, code: string, message: string): Promise<void> {
  await db.query(
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '${message}' USING ERRCODE = '${code}'; END $$`,
  );
  await db.query(
    "CREATE TRIGGER refuse BEFORE INSERT ON idempotency_record FOR EACH ROW EXECUTE FUNCTION refuse()",
  );
}

const PASSING: readonly (readonly [code: string, message: string])[] = [
  ["53400", "temporary file size exceeds temp_file_limit (1024kB)"],
  ["58030", "could not read block 3 in file base/1/2: Input/output error"],
  ["58000", "could not get connection from the pool - AllServersDown"],
  ["58000", "Pool down for database: shop, user: app"],
  ["XX000", "Max client connections reached"],
  ["XX000", "(EMAXCONNSESSION) max clients reached in session mode"],
  ["XX000", "(ECHECKOUTTIMEOUT) unable to check out a connection from the pool"],
  ["08P01", "query_wait_timeout"],
  ["08P01", "server conn crashed?"],
  ["08P01", "pgbouncer cannot connect to server"],
  ["08P01", "no more connections allowed (max_client_conn)"],
  ["08P01", "server login has been failing, try again later (server_login_retry)"],
];

const PERMANENT: typeof PASSING = [
  ["55000", "lastval is not yet defined in this session"],
  ["58000", "No pool configured for database: shop, user: app"],
  ["58P01", "could not access file: No such file or directory"],
  ["XX000", "cache lookup failed for type 0"],
  ["XX000", "Tenant or user not found"],
  ["XX001", "invalid page in block 0 of relation base/1/2"],
  ["08P01", "no such database: shop"],
  ["08P01", "SASL authentication failed"],
  ["08P01", "SSL required"],
];

describe.runIf(onPostgres)("a claim that PostgreSQL refuses with", () => {
  test.each([
    ...PASSING.map((said) => [...said, "STORE_UNAVAILABLE"] as const),
    ...PERMANENT.map((said) => [...said, "STORE_MISCONFIGURED"] as const),
  ])("%s, %s, is %s", async (code, message, end) => {
    await using db = await openPostgres();
    await refuse(db, code, message);
    const idempotency = idempotencyOf(db.prisma, { outageMs: 0 });
    const place = placing("k");
    const errors = [
      await failureOf(idempotency.run(request("k"), place)),
      await failureOf(idempotency.runLeased(request("l", { waitMs: 0 }), async () => place.runs++)),
    ];
    const retryable = end === "STORE_UNAVAILABLE";
    expect(errors).toMatchObject([
      { code: end, retryable },
      { code: end, retryable },
    ]);
    expect([place.runs, await records(db)]).toEqual([0, []]);
  });

  test("55000, as a database that takes no connections for a while, is STORE_UNAVAILABLE", async () => {
    await using db = await openPostgres();
    // Nobody closes the database that he is connected to.
    await using beside = await openPostgres();
    const [{ name } = { name: "" }] = await db.query("SELECT current_database() AS name");
    const place = placing("k");
    const idempotency = idempotencyOf(await db.connect(), { outageMs: 0 });
    await beside.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    expect(await failureOf(idempotency.run(request("k"), place))).toMatchObject({
      code: "STORE_UNAVAILABLE",
      retryable: true,
    });
    await beside.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
    expect((await idempotency.run(request("k"), place)).replayed).toBe(false);
    expect(place.runs).toBe(1);
  });
});
