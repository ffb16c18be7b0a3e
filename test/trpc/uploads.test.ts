import { octetInputParser } from "@trpc/server/http";
import { describe, expect, test } from "vitest";
import { createIdempotency } from "../../src/index.ts";
import { idempotencyMiddleware } from "../../src/trpc/index.ts";
import { openSqlite } from "../support/database.ts";
import { uploadSlowly, uploadThenRead } from "../support/uploads.ts";
import { type Context, listen, t } from "./support.ts";

const BYTES_MAX = 1_048_576;

/** A procedure that takes a stream of 1 MiB at most, behind tRPC's server for Node. */
async function listening() {
  const db = await openSqlite();
  const ran: string[] = [];
  const idempotent = idempotencyMiddleware({
    idempotency: createIdempotency({ prisma: db.prisma }),
    scope: ({ ctx }: { ctx: Context }) => ctx.user,
    bodyBytesMax: BYTES_MAX,
  });
  const upload = t.procedure
    .input(octetInputParser)
    .use(idempotent)
    .mutation(() => ran.push("upload"));
  const server = await listen(t.router({ upload }), db.prisma);
  return {
    ran,
    to: {
      url: server.url,
      path: "/upload",
      headers: { "idempotency-key": "k", "content-type": "application/octet-stream" },
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await db[Symbol.asyncDispose]();
    },
  };
}

describe("a stream longer than bodyBytesMax, over tRPC's standalone server", () => {
  test.each([
    { announced: true, how: "says its length" },
    { announced: false, how: "sends chunks" },
  ])("is answered with 413 to a client that $how and reads the answer at the end", async ({ announced }) => {
    await using server = await listening();
    expect(await uploadThenRead({ ...server.to, bytes: 8 * BYTES_MAX, announced })).toBe(413);
    expect(server.ran).toEqual([]);
  });

  test("is answered with 413 before its end", async () => {
    await using server = await listening();
    expect(await uploadSlowly({ ...server.to, bytes: BYTES_MAX, announced: false })).toBe(413);
    expect(server.ran).toEqual([]);
  });

  test("is no longer than that where it is exactly so long", async () => {
    await using server = await listening();
    expect(await uploadThenRead({ ...server.to, bytes: BYTES_MAX, announced: true })).toBe(200);
    expect(server.ran).toEqual(["upload"]);
  });
});
