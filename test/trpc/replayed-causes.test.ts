import { initTRPC, TRPCError } from "@trpc/server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as zod from "zod";
import * as zod3 from "zod/v3";
import type { RunOptions } from "../../src/index.ts";
import type { IdempotencyMeta } from "../../src/trpc/index.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { app, type Context, idempotentOn } from "./support.ts";

class SoldOut extends TRPCError {
  constructor(cause: unknown) {
    super({ code: "PRECONDITION_FAILED", message: "Sold out", cause });
  }
  get shelf() {
    return 7;
  }
}

/** As create-t3-app has it, and what else a formatter may ask of an error. */
const t = initTRPC
  .context<Context>()
  .meta<IdempotencyMeta>()
  .create({
    isDev: false,
    errorFormatter: ({ shape, error }) => ({
      ...shape,
      data: {
        ...shape.data,
        zodError: error.cause instanceof zod.ZodError ? error.cause.flatten() : null,
        zod3Error: error.cause instanceof zod3.ZodError ? error.cause.flatten() : null,
        tree: error.cause instanceof zod.ZodError ? zod.treeifyError(error.cause) : null,
        shelf: error instanceof SoldOut ? error.shelf : null,
        isTypeError: error.cause instanceof TypeError,
        isOurs: error.cause instanceof TRPCError,
        root: rootOf(error).message,
      },
    }),
  });

function rootOf(error: Error): Error {
  return error.cause instanceof Error ? rootOf(error.cause) : error;
}

const cart = { items: [{ sku: 5 }], email: "none" };
const Cart = zod.object({ items: zod.array(zod.object({ sku: zod.string() })), email: zod.email() });
const Cart3 = zod3.object({
  items: zod3.array(zod3.object({ sku: zod3.string() })),
  email: zod3.string().email(),
});

function badRequest(parse: () => unknown): never {
  try {
    parse();
  } catch (cause) {
    throw new TRPCError({ code: "BAD_REQUEST", cause });
  }
  throw new Error("it parsed");
}

interface Thrown {
  fail: () => unknown;
  options?: RunOptions;
  shows: object;
}

const everyError: RunOptions = { storeError: () => true };
const fields = { fieldErrors: { items: [expect.any(String)], email: [expect.any(String)] } };

const cases: Record<string, Thrown> = {
  "a ZodError in a TRPCError": {
    fail: () => badRequest(() => Cart.parse(cart)),
    shows: { code: "BAD_REQUEST", zodError: fields, tree: { properties: { items: {}, email: {} } } },
  },
  "a ZodError by itself": {
    fail: () => Cart.parse(cart),
    options: everyError,
    shows: { code: "INTERNAL_SERVER_ERROR", zodError: fields },
  },
  "a ZodError of safeParse": {
    fail: () => {
      throw new TRPCError({ code: "BAD_REQUEST", message: "Look again", cause: Cart.safeParse(cart).error });
    },
    shows: { zodError: fields },
  },
  "a ZodError of zod 3 that errorClasses names": {
    fail: () => badRequest(() => Cart3.parse(cart)),
    options: { errorClasses: [zod3.ZodError] },
    shows: { zod3Error: fields, zodError: null },
  },
  "a class that extends TRPCError and errorClasses names": {
    fail: () => {
      throw new SoldOut(new TypeError("no such shelf"));
    },
    options: { errorClasses: [SoldOut] },
    shows: { shelf: 7, isTypeError: true, root: "no such shelf" },
  },
  "an error with a cause that has causes": {
    fail: () => {
      const root = new TypeError("root");
      const inner = new TRPCError({ code: "NOT_FOUND", cause: new Error("middle", { cause: root }) });
      throw new TRPCError({ code: "NOT_FOUND", message: "Gone", cause: inner });
    },
    shows: { isOurs: true, root: "root" },
  },
};

describe.each(databases)("a formatter on $name shapes a replay as the first answer", ({ open }) => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await open();
  });
  afterAll(() => db[Symbol.asyncDispose]());

  it.each(Object.entries(cases))("of %s, in another process too", async (name, { fail, options, shows }) => {
    const server = async () => {
      const prisma = await db.connect();
      const place = t.procedure.use(idempotentOn(prisma, options)).mutation(() => fail() as never);
      return app(t.router({ place }), prisma);
    };
    const first = await (await server()).send("place", { key: name.replaceAll(" ", "-") });
    const replay = await (await server()).send("place", { key: name.replaceAll(" ", "-") });
    expect(JSON.parse(first.body)).toMatchObject({ error: { data: shows } });
    expect([replay.status, replay.body]).toEqual([first.status, first.body]);
    expect(replay.headers.get("idempotent-replayed")).toBe("true");
  });
});

it("of a zod that is loaded after the replay was read, and another copy of it", async () => {
  const { trpcErrorSerializer } = await import("../../src/trpc/errors/stored-error.ts");
  const stored = trpcErrorSerializer.serialize(
    new TRPCError({ code: "BAD_REQUEST", cause: Cart.safeParse(cart).error }),
  );
  const { cause } = trpcErrorSerializer.deserialize(stored) as TRPCError;
  const copy = await import("zod/v4-mini");
  expect(cause instanceof copy.core.$ZodError).toBe(true);
  expect(copy.core.flattenError(cause as never).fieldErrors).toMatchObject(fields.fieldErrors);
});
