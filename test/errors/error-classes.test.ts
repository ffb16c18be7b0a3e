import { Decimal } from "decimal.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as zod from "zod";
import * as zod3 from "zod/v3";
import {
  type ErrorClass,
  errorSerializer,
  fromStoredError,
  type StoredError,
  toStoredErrorWithCauses,
} from "../../src/core/contract/errors/error-serializer.ts";
import { devalueCodec } from "../../src/core/contract/options/codec.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { idempotencyOf, request } from "../support/runs.ts";

function replayed<T>(error: T, classes?: readonly ErrorClass[]): T {
  const text = devalueCodec.encode(errorSerializer.serialize(error));
  return errorSerializer.deserialize(devalueCodec.decode(text), classes) as T;
}

function thrownBy(parse: () => unknown): Error {
  try {
    parse();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

const bad = { name: 1, tags: ["a", 2], either: "x", size: 5n, nested: { deep: [{ at: "never" }] } };

const error4 = thrownBy(() =>
  zod
    .object({
      name: zod.string(),
      tags: zod.array(zod.string()),
      either: zod.union([zod.number(), zod.object({ b: zod.string() })]),
      size: zod.bigint().max(3n),
      nested: zod.object({ deep: zod.array(zod.object({ at: zod.date() })) }),
    })
    .refine(() => false, { message: "whole form", when: () => true, params: { why: () => "no data" } })
    .parse(bad),
) as zod.ZodError;

const error3 = thrownBy(() =>
  zod3
    .object({
      name: zod3.string(),
      tags: zod3.array(zod3.string()),
      either: zod3.union([zod3.number(), zod3.object({ b: zod3.string() })]),
      nested: zod3.object({ deep: zod3.array(zod3.object({ at: zod3.date() })) }),
    })
    .parse(bad),
) as zod3.ZodError;

describe("an error of zod 4 is one after a replay, where nobody names its class", () => {
  test("for instanceof, in every form that zod has", () => {
    const error: unknown = replayed(error4);
    expect(error instanceof zod.ZodError).toBe(true);
    expect(error instanceof zod.core.$ZodError).toBe(true);
    expect(error).toBeInstanceOf(Error);
    expect(error instanceof zod.ZodType).toBe(false);
  });

  test("with the same text and the same fields, those that can be seen and those that cannot", () => {
    const error = replayed(error4);
    expect(error.message).toBe(error4.message);
    expect(Object.keys(error)).toEqual(Object.keys(error4));
    expect(JSON.stringify(error)).toBe(JSON.stringify(error4));
    expect(error.issues.map(({ path, message }) => ({ path, message }))).toEqual(
      error4.issues.map(({ path, message }) => ({ path, message })),
    );
  });

  const formatters: Record<string, (error: zod.ZodError) => unknown> = {
    flatten: (error) => error.flatten(),
    "flatten with a mapper": (error) => error.flatten((issue) => issue.code),
    format: (error) => error.format(),
    "format with a mapper": (error) => error.format((issue) => issue.code),
    flattenError: zod.flattenError,
    formatError: zod.formatError,
    treeifyError: zod.treeifyError,
    prettifyError: zod.prettifyError,
  };

  test.each(Object.entries(formatters))("and %s gives the same", (_, format) => {
    expect(format(replayed(error4))).toEqual(format(error4));
    expect(JSON.stringify(format(replayed(error4)))).toBe(JSON.stringify(format(error4)));
  });

  test.each([
    ["a map with a bad key", zod.map(zod.string(), zod.number()), new Map<unknown, unknown>([[1, 2]])],
    ["a map with a bad value", zod.map(zod.string(), zod.number()), new Map<unknown, unknown>([["a", "b"]])],
    ["a record with bad keys", zod.record(zod.email(), zod.number()), { a: 1 }],
    [
      "fields with names that objects have",
      zod.strictObject({ _errors: zod.string(), constructor: zod.string() }),
      JSON.parse('{"__proto__":1}'),
    ],
    ["a text", zod.string(), 5],
    [
      "a union that no member takes",
      zod.union([zod.literal("a"), zod.object({ x: zod.union([zod.string(), zod.int()]) })]),
      { x: 1.5 },
    ],
  ])("also of %s", (_, schema, input) => {
    const error = thrownBy(() => schema.parse(input)) as zod.ZodError;
    const again = replayed(error);
    for (const format of [formatters["flatten"], formatters["format"], formatters["treeifyError"]]) {
      expect(JSON.stringify(format?.(again))).toBe(JSON.stringify(format?.(error)));
    }
  });
});

describe("an error of zod 3 is one after a replay, where errorClasses names it", () => {
  test("with its methods and getters, and the errors inside of its issues", () => {
    const error = replayed(error3, [zod3.ZodError]);
    expect(error).toBeInstanceOf(zod3.ZodError);
    expect(error.flatten()).toEqual(error3.flatten());
    expect(error.format()).toEqual(error3.format());
    expect(error.message).toBe(error3.message);
    expect(error.formErrors).toEqual(error3.formErrors);
    expect(JSON.stringify(error)).toBe(JSON.stringify(error3));
    const inner = error.issues.find(({ code }) => code === "invalid_union") as zod3.ZodInvalidUnionIssue;
    expect(inner.unionErrors[0]).toBeInstanceOf(zod3.ZodError);
  });

  test("and otherwise an Error with the same issues", () => {
    const error = replayed(error3);
    expect(error).not.toBeInstanceOf(zod3.ZodError);
    expect(error.issues.length).toBe(error3.issues.length);
  });
});

class Domain extends Error {
  readonly #rows = 3;
  override get cause() {
    return undefined;
  }
  get status() {
    return 409;
  }
  get rows() {
    return this.#rows;
  }
  get broken(): string {
    throw new Error("a getter that fails");
  }
  describe() {
    return `${this.message} with ${this.status}`;
  }
}
Object.defineProperty(Domain.prototype, "expose", { value: true });

describe("a stored error comes back", () => {
  test("with what its class gives it by getters, on its prototype, or out of sight", () => {
    const original = Object.defineProperty(new Domain("full"), "hint", { value: { retry: [1n] } });
    const error = replayed(original) as Domain & { expose: boolean; hint: unknown };
    expect([error.status, error.rows, error.expose, error.hint]).toEqual([409, 3, true, { retry: [1n] }]);
    expect(Object.keys(error)).toEqual([]);
    expect(error).not.toHaveProperty("broken");
  });

  test("of the class that errorClasses has under its class's name, which its own name need not be", () => {
    const error = replayed(new Domain("full"), [zod3.ZodError, Domain]);
    expect(error).toBeInstanceOf(Domain);
    expect([error.name, error.describe(), error.rows]).toEqual(["Error", "full with 409", 3]);
  });

  test.each([TypeError, RangeError, SyntaxError])("of JavaScript's own class: %o", (Class) => {
    expect(replayed(new Class("m"))).toBeInstanceOf(Class);
  });

  test("with the errors of an AggregateError, and those inside of them", () => {
    const inner = new AggregateError([new RangeError("deep")], "inner");
    const error = replayed(
      new AggregateError([Object.assign(new TypeError("one"), { code: 1 }), inner], "both"),
    );
    expect(error).toBeInstanceOf(AggregateError);
    expect(error.errors[0]).toBeInstanceOf(TypeError);
    expect(error.errors[0]).toMatchObject({ message: "one", code: 1 });
    expect((error.errors[1] as AggregateError).errors[0]).toMatchObject({
      name: "RangeError",
      message: "deep",
    });
    expect(Object.keys(error)).toEqual([]);
  });

  test("without the texts of errors that are inside of it and of another class", () => {
    const original = Object.assign(new Domain("m"), {
      inner: new TypeError("s3cret"),
      all: [new Error("s3cret")],
    });
    expect(devalueCodec.encode(errorSerializer.serialize(original))).toContain('"m"');
    class Own extends Error {
      override readonly name = "Own";
      readonly inner = new TypeError("s3cret");
      readonly meta = { target: ["email"], driver: new TypeError("s3cret") };
    }
    const own = new Own("m");
    expect(devalueCodec.encode(errorSerializer.serialize(own))).not.toContain("s3cret");
    expect(replayed(own).meta).toEqual({ target: ["email"] });
  });

  test("with dates, addresses, patterns, decimals, and parts that contain themselves", () => {
    const meta: Record<string, unknown> = { at: new Date(5), url: new URL("https://a.example/"), like: /a/g };
    meta["self"] = meta;
    const error = replayed(Object.assign(new Error("m"), { meta, price: new Decimal("1.50") }));
    expect(error.price).toEqual(new Decimal("1.50"));
    expect(error.meta).toMatchObject({ at: new Date(5), url: new URL("https://a.example/"), like: /a/g });
    expect(error.meta["self"]).toBe(error.meta);
  });

  test("with no more than five errors inside of one another", () => {
    const circular = new AggregateError([], "round");
    circular.errors.push(circular);
    let depth = 0;
    for (let error: AggregateError | undefined = replayed(circular); error; error = error.errors[0])
      depth += 1;
    expect(depth).toBe(6);
  });

  test("with its causes where an adapter asks for them", () => {
    const root = Object.assign(new TypeError("root"), { code: 7 });
    const original = new Domain("outer");
    Object.defineProperty(original, "cause", { value: new Error("middle", { cause: root }) });
    const text = devalueCodec.encode(toStoredErrorWithCauses(original));
    const error = fromStoredError(devalueCodec.decode(text) as StoredError);
    expect(error.cause).toMatchObject({ message: "middle" });
    expect((error.cause as Error).cause).toMatchObject({ message: "root", code: 7 });
    expect((error.cause as Error).cause).toBeInstanceOf(TypeError);
    expect(Object.keys(error)).not.toContain("cause");
  });

  test("and what was thrown without being one becomes one", () => {
    for (const thrown of ["no", undefined, null, 7]) {
      expect(fromStoredError(toStoredErrorWithCauses(thrown))).toMatchObject({
        name: "Error",
        message: String(thrown),
      });
    }
  });
});

describe.each(databases)("an error of Prisma on $name", ({ open }) => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await open();
  });
  afterAll(() => db[Symbol.asyncDispose]());

  test("is replayed in another process with its code, its meta and its class", async () => {
    const { order } = db.prisma;
    const updated = order.update({ where: { id: "missing" }, data: { quantity: 1 } });
    const thrown = await updated.then(
      () => Promise.reject(new Error("it was there")),
      (error: unknown) => error as Error & { meta: Record<string, unknown> },
    );
    const storing = { storeError: () => true, errorClasses: [thrown.constructor as ErrorClass] };
    const runs = [db.prisma, await db.connect()].map((client) =>
      idempotencyOf(client, storing).runSettled(request("prisma"), () => Promise.reject(thrown)),
    );
    const [, again] = [await runs[0], await runs[1]];
    expect(again).toMatchObject({ status: "failed", error: { name: thrown.name, code: "P2025" } });
    const { error } = again as { error: typeof thrown };
    expect(error).toBeInstanceOf(thrown.constructor as ErrorClass);
    expect(error.message).toBe(thrown.message);
    const { driverAdapterError: _driver, ...meta } = thrown.meta;
    expect(error.meta).toEqual(meta);
  });
});
