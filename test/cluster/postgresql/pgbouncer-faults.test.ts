/** What PgBouncer says in place of the server, of which each has the same code: what passes, and what does not. */
import { describe, expect, it } from "vitest";
import { openPostgres } from "../../support/database.ts";
import { door, failureOf, placing, request } from "../../support/runs.ts";
import { openApplication } from "./application.ts";
import { startPgbouncer } from "./pgbouncer.ts";

const PORT = 5531;

interface Behind {
  readonly settings?: Readonly<Record<string, string | number>>;
  readonly databases?: string;
  readonly connections?: number;
  /** What the server is in place of the one there is. */
  readonly target?: (url: URL) => void;
}

async function openBehind({ target, ...options }: Behind = {}) {
  const db = await openPostgres();
  const url = new URL(db.url);
  target?.(url);
  const bouncer = await startPgbouncer(url.href, { port: PORT, ...options });
  const app = openApplication(bouncer.through(db.url));
  return {
    db,
    bouncer,
    app,
    url: bouncer.through(db.url),
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]();
      await bouncer[Symbol.asyncDispose]();
      await db[Symbol.asyncDispose]();
    },
  };
}

/** What has been said, wherever in the causes it stands. */
function wordsIn(error: unknown): string {
  return error instanceof Error
    ? `${error.message} ${JSON.stringify(error.cause)} ${wordsIn(error.cause)}`
    : "";
}

const patient = { outageMs: 0, transaction: { maxWaitMs: 30_000, timeoutMs: 30_000 } };

/** The code and the words of a run and of a leased run that fail; neither executes. */
async function failuresOf({ idempotency }: ReturnType<typeof openApplication>) {
  const place = placing("k");
  const ends = [
    await failureOf(idempotency.run(request("k", patient), place)),
    await failureOf(idempotency.runLeased(request("l", patient), async () => place.runs++)),
  ];
  expect(place.runs).toBe(0);
  return ends.map((error) => ({ code: error.code, said: wordsIn(error) }));
}

const both = (code: string, words: RegExp) => {
  const one = { code, said: expect.stringMatching(words) as unknown };
  return [one, one];
};

describe("what passes is STORE_UNAVAILABLE:", () => {
  it("as many clients as PgBouncer takes", async () => {
    await using behind = await openBehind({ settings: { max_client_conn: 1 } });
    await using other = openApplication(behind.url);
    const { wait, arrived, open } = door();
    const held = behind.app.prisma.$transaction(wait, { timeout: 60_000 });
    await arrived;
    expect(await failuresOf(other)).toEqual(both("STORE_UNAVAILABLE", /no more connections allowed/));
    open();
    await held;
  });

  it("all connections to the server in use for longer than PgBouncer waits", async () => {
    await using behind = await openBehind({ connections: 1, settings: { query_wait_timeout: 1 } });
    await using other = openApplication(behind.url);
    const { wait, arrived, open } = door();
    const held = behind.app.prisma.$transaction(
      async (tx) => {
        await tx.order.count();
        await wait();
      },
      { timeout: 60_000 },
    );
    await arrived;
    expect(await failuresOf(other)).toEqual(both("STORE_UNAVAILABLE", /query_wait_timeout/));
    open();
    await held;
  });

  it("a server that is not there", async () => {
    await using behind = await openBehind({
      settings: { server_connect_timeout: 1, query_wait_timeout: 2 },
      target: (url) => {
        url.port = "1";
      },
    });
    expect(await failuresOf(behind.app)).toEqual(both("STORE_UNAVAILABLE", /08P01/));
  });

  it("a server connection that ends in the handler", async () => {
    await using behind = await openBehind();
    const run = behind.app.idempotency.run(request("k", patient), async ({ tx }) => {
      const [{ pid } = { pid: 0 }] = await tx.$queryRawUnsafe<{ pid: number }[]>(
        "SELECT pg_backend_pid() AS pid",
      );
      await behind.db.query(`SELECT pg_terminate_backend(${pid})`);
      return tx.order.count();
    });
    expect((await failureOf(run)).code).toBe("STORE_UNAVAILABLE");
  });
});

describe("what no retry cures is STORE_MISCONFIGURED:", () => {
  it("a database that PgBouncer does not know", async () => {
    await using behind = await openBehind({ databases: "another" });
    expect(await failuresOf(behind.app)).toEqual(
      both("STORE_MISCONFIGURED", /no such database|bouncer config error/),
    );
  });

  it("a database that the server does not know", async () => {
    await using behind = await openBehind();
    await using nowhere = openApplication(`${behind.url}_nowhere`);
    expect(await failuresOf(nowhere)).toEqual(both("STORE_MISCONFIGURED", /does not exist/));
  });

  it("a user that PgBouncer does not know", async () => {
    await using behind = await openBehind({ settings: { auth_type: "md5" } });
    expect(await failuresOf(behind.app)).toEqual(
      both("STORE_MISCONFIGURED", /no such user|authentication failed/),
    );
  });

  it("a password that the server refuses", async () => {
    await using behind = await openBehind({
      target: (url) => {
        url.username = "nobody_of_that_name";
      },
    });
    expect(await failuresOf(behind.app)).toEqual(
      both("STORE_MISCONFIGURED", /authentication failed|does not exist/),
    );
  });

  it("a parameter that PgBouncer does not take", async () => {
    await using behind = await openBehind({ settings: { ignore_startup_parameters: "extra_float_digits" } });
    expect(await failuresOf(behind.app)).toEqual(
      both("STORE_MISCONFIGURED", /unsupported startup parameter/),
    );
  });
});
