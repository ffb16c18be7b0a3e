/** What a codec says of a value that it cannot store: what it is, and where. */
import { describe, expect, test } from "vitest";
import {
  type Codec,
  devalueCodec,
  transformerCodec,
  UnstorableValueError,
} from "../../src/core/contract/options/codec.ts";

class Money {
  spend() {}
}
class Later {
  // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested.
  then() {}
}
const nameless = new (class {
  spend() {}
})();
async function* numbers() {
  yield 1;
}
// biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested.
const thenable = { then: () => {} };
// biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested.
const bare: unknown = Object.assign(Object.create(null) as object, { then: () => {} });

function problemOf(codec: Codec, value: unknown): { readonly message: string; readonly path: string } {
  try {
    codec.encode({ list: [value] });
  } catch (error) {
    expect(error).toBeInstanceOf(UnstorableValueError);
    const { message, path, cause } = error as UnstorableValueError;
    expect(error).not.toHaveProperty("cause");
    expect(cause).toBeUndefined();
    return { message, path };
  }
  return expect.fail();
}

describe("devalue", () => {
  test.each<[unknown, string]>([
    [() => 1, "Cannot store a function"],
    [Symbol("x"), "Cannot store a symbol"],
    [new Money(), "Cannot store an instance of Money"],
    [Promise.resolve(), "Cannot store an instance of Promise"],
    [numbers(), "Cannot store an instance of AsyncGenerator"],
    [nameless, "Cannot stringify arbitrary non-POJOs"],
    [{ [Symbol("x")]: 1 }, "Cannot stringify POJOs with symbolic keys"],
  ])("%# says what it is, and where", (value, message) => {
    expect(problemOf(devalueCodec, value)).toEqual({ message, path: ".list[0]" });
  });

  test("hands on the error of what is no fault of the value's class", () => {
    const failing = {
      get price(): number {
        throw new RangeError("no price");
      },
    };
    expect(() => devalueCodec.encode(failing)).toThrow(new RangeError("no price"));
  });
});

describe("a transformer's codec", () => {
  const codec = transformerCodec({ serialize: (value) => value, deserialize: (value: unknown) => value });

  test.each<[unknown, string]>([
    [() => 1, "Cannot store a function"],
    [Symbol("x"), "Cannot store a symbol"],
    [new Later(), "Cannot store an instance of Later"],
    [Promise.resolve(), "Cannot store an instance of Promise"],
    [numbers(), "Cannot store an instance of AsyncGenerator"],
    [new Response(), "Cannot store an instance of Response"],
    [thenable, "Cannot store a thenable"],
    [bare, "Cannot store a thenable"],
    [{ next: () => 1 }, "Cannot store an iterator"],
    [{ [Symbol.asyncIterator]: () => 1 }, "Cannot store an iterator"],
    [{ getReader: () => 1 }, "Cannot store a stream"],
  ])("%# says what it is, and where", (value, message) => {
    expect(problemOf(codec, value)).toEqual({ message, path: ".list[0]" });
  });

  test("finds it in a Map and in a Set, and does not look into what writes itself", () => {
    expect(() => codec.encode(new Map([["a", thenable]]))).toThrow("a thenable");
    expect(() => codec.encode(new Map([[thenable, "a"]]))).toThrow("a thenable");
    expect(() => codec.encode(new Set([thenable]))).toThrow("a thenable");
    expect(codec.encode({ at: { toJSON: () => "text", inner: () => 1 } })).toBe('{"at":"text"}');
    expect(codec.name).toBe("transformer");
  });
});
