import { describe, expect, test } from "vitest";
import { type ErrorClass, errorSerializer } from "../../src/core/contract/errors/error-serializer.ts";
import { devalueCodec } from "../../src/core/contract/options/codec.ts";

class OutOfStock extends Error {
  override readonly name = "OutOfStock";
  readonly code = "OUT_OF_STOCK";
  readonly item: string;
  constructor(item: string) {
    super(`${item} is sold out`, { cause: new Error("secret of the database") });
    this.item = item;
  }
}

const replayed = (error: unknown, classes?: readonly ErrorClass[]) =>
  errorSerializer.deserialize(
    devalueCodec.decode(devalueCodec.encode(errorSerializer.serialize(error))),
    classes,
  ) as Error;

describe("what is thrown and no error comes back as it is", () => {
  test.each([
    ["an object", { code: "SOLD_OUT", message: "no lamps", at: new Date(5) }],
    ["a text", "sold out"],
    ["a number", 404],
    ["null", null],
    ["nothing", undefined],
    ["a list", [1n]],
  ])("%s", (_, thrown) => {
    expect(replayed(thrown)).toEqual(thrown);
  });

  test("and in a row of an earlier version, as that version had it", () => {
    const stored = { name: "Error", message: "[object Object]", properties: {} };
    expect(errorSerializer.deserialize(stored)).toEqual(new Error("[object Object]"));
  });
});

describe("a stored error comes back", () => {
  test("with name, message and own properties, as an Error", () => {
    const error = replayed(new OutOfStock("book"));
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: "OutOfStock",
      message: "book is sold out",
      code: "OUT_OF_STOCK",
      item: "book",
    });
    expect(String(error)).toBe("OutOfStock: book is sold out");
  });

  test("without the stack and the cause of the first, which clients must not see", () => {
    const original = new OutOfStock("book");
    const text = devalueCodec.encode(errorSerializer.serialize(original));
    expect(text).not.toContain("secret of the database");
    expect(text).not.toContain("stored-error.test");
    expect(replayed(original).cause).toBeUndefined();
  });

  test("with the same JSON on the wire as the first", () => {
    const original = new OutOfStock("book");
    expect(JSON.parse(JSON.stringify(replayed(original)))).toEqual(JSON.parse(JSON.stringify(original)));
  });

  test("without what hangs onto it and is no data: sockets, requests, functions, instances, at any depth", () => {
    class Socket {
      readonly secret = "s3cret";
    }
    const hung = {
      code: "X",
      socket: new Socket(),
      retry: () => 1,
      meta: { deep: [new Socket()] },
      tag: Symbol("t"),
    };
    const error = replayed(Object.assign(new Error("m"), hung, { self: {} }));
    expect({ ...error }).toEqual({ code: "X", meta: { deep: [null] }, self: {} });
  });

  test("with rich properties", () => {
    const error = Object.assign(new Error("m"), { at: new Date(5), limit: 2n });
    expect(replayed(error)).toMatchObject({ at: new Date(5), limit: 2n });
  });

  test.each([
    ["a TypeError", new TypeError("t"), "TypeError", "t"],
    ["an error without a message", new Error(), "Error", ""],
  ])("from %s", (_what, thrown, name, message) => {
    expect(replayed(thrown)).toMatchObject({ name, message });
  });

  test("and cannot reach another object's prototype", () => {
    const error = replayed(Object.assign(new Error("m"), { code: "X" }));
    expect(Object.getPrototypeOf(error)).toBe(Error.prototype);
  });
});
