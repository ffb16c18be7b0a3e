import { describe, expect, test } from "vitest";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { databases, openSqlite } from "../support/database.ts";
import { pretending } from "../support/runs.ts";

describe("a client over an adapter that cannot keep the promise is refused at construction", () => {
  /** The name of its class is all that tells neon's second adapter from its first. */
  class PrismaNeonHttpAdapterFactory {
    readonly connectionString = "";
  }
  test.each([
    ["@prisma/adapter-better-sqlite3", /better-sqlite3, .* is lost with it; use @prisma\/adapter-libsql/, {}],
    ["@prisma/adapter-d1", /adapter-d1, .* use @prisma\/adapter-libsql or PostgreSQL/, {}],
    ["@prisma/adapter-planetscale", /adapter-planetscale, .* COMMIT that failed/, {}],
    [
      "@prisma/adapter-neon",
      /over HTTP it has no transactions; use PrismaNeon/,
      new PrismaNeonHttpAdapterFactory(),
    ],
  ])("%s", async (adapterName, message, factory) => {
    await using db = await openSqlite();
    const adapter = Object.assign(factory, { adapterName, provider: "sqlite" });
    const prisma = pretending(db.prisma, { _engineConfig: { adapter } });
    expect(() => createIdempotency({ prisma })).toThrow(TypeError);
    expect(() => createIdempotency({ prisma })).toThrow(message);
  });

  test.each([
    ["6.19.3", /adapter-mariadb, .* binary collation, .* use Prisma 7\.10/],
    ["7.10.0", /whose database is "mariadb"; the provider is "sqlite"/],
  ])("mariadb of Prisma %s, which is told why", async (version, message) => {
    await using db = await openSqlite();
    const adapter = { adapterName: "@prisma/adapter-mariadb", provider: "mysql" };
    const prisma = pretending(db.prisma, { _engineConfig: { adapter }, _clientVersion: version });
    expect(() => createIdempotency({ prisma })).toThrow(message);
  });

  test("neon over WebSocket is not", async () => {
    await using db = await openSqlite();
    const adapter = { adapterName: "@prisma/adapter-neon", provider: "sqlite" };
    expect(() =>
      createIdempotency({ prisma: pretending(db.prisma, { _engineConfig: { adapter } }) }),
    ).not.toThrow();
  });
});

test.each(databases)("a provider other than the adapter's is refused, on $name", async ({ name, open }) => {
  await using db = await open();
  const other = name === "sqlite" ? "postgresql" : "sqlite";
  expect(() => createIdempotency({ prisma: db.prisma, provider: other })).toThrow(
    new RegExp(`adapter-(libsql|pg|mariadb), whose database is "${name}"; the provider is "${other}"`),
  );
});

test("a client of Prisma 8 is told apart from what is no client", () => {
  const prisma8 = { transaction: async () => {}, contract: {} } as never;
  expect(() => createIdempotency({ prisma: prisma8 })).toThrow("a client of Prisma 8");
});
