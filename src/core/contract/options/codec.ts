import { Decimal } from "decimal.js";
import { DevalueError, parse, stringify } from "devalue";

/** Turns results into text and back. What comes back must equal what went in, on the wire too. */
export interface Codec {
  /** Stored beside each result: a result of another codec is refused (`RESULT_UNREADABLE`), never misread. */
  readonly name: string;
  /** @throws when the value cannot be stored; an {@link UnstorableValueError} says where the value is. */
  encode(value: unknown): string;
  decode(text: string): unknown;
}

/** Thrown by a codec for a value that it could not restore. */
export class UnstorableValueError extends Error {
  override readonly name = "UnstorableValueError";
  /** Where the value is in the result, for example `.items[0].price`. */
  readonly path: string;

  constructor(message: string, path: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.path = path;
  }
}

/**
 * The default codec: JSON, and also `Date`, `BigInt`, `Map`, `Set`, `RegExp`, `URL`, typed arrays, `undefined`,
 * `-0`, `NaN`, holes, repeated references, cycles, and the `Decimal` that Prisma uses.
 */
export const devalueCodec: Codec = {
  name: "devalue",
  encode(value) {
    try {
      return stringify(value, {
        // A client's JSON may contain the tag that `isDecimal` looks for, but never a method. `valueOf` keeps -0.
        Decimal: (item) => Decimal.isDecimal(item) && typeof item.toFixed === "function" && item.valueOf(),
        Row: (item) => isComputedRow(item) && Object.fromEntries(Object.entries(item)),
        // A view into a larger buffer would take the whole buffer along, and Node keeps small Buffers of unrelated
        // owners in one common buffer.
        View: (item) =>
          ArrayBuffer.isView(item) && item.byteLength !== item.buffer.byteLength && tightCopy(item),
      });
    } catch (error) {
      if (error instanceof DevalueError) {
        // Not as its cause: it holds the whole value, which is nobody's business who prints an error.
        throw new UnstorableValueError(problemOf(error), error.path);
      }
      throw error;
    }
  },
  decode(text) {
    const value: unknown = parse(text, {
      Decimal: (digits: string) => new Decimal(digits),
      Row: (row: unknown) => row,
      View: (view: unknown) => view,
    });
    return value;
  },
};

/** The class says more than what the class is not, and there is no asynchronous way to advise. */
function problemOf({ value, message }: DevalueError): string {
  if (typeof value === "function" || typeof value === "symbol") {
    return `Cannot store a ${typeof value}`;
  }
  const name = classNameOf(value as object);
  return name === undefined || name === "Object" ? message : `Cannot store an instance of ${name}`;
}

/** Generators have no class of their own. */
function classNameOf(value: object): string | undefined {
  const { constructor } = value as { readonly constructor?: unknown };
  const name = typeof constructor === "function" ? constructor.name : "";
  const tag = Object.prototype.toString.call(value).slice("[object ".length, -1);
  return name || (tag === "Object" ? undefined : tag);
}

const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** A row of a Prisma client with computed fields: plain data, but for a symbol that tells Node how to print it. */
function isComputedRow(item: unknown): item is object {
  return (
    typeof item === "object" &&
    item !== null &&
    Object.getOwnPropertySymbols(item).every((symbol) => symbol === INSPECT) &&
    Object.hasOwn(item, INSPECT) &&
    Object.getPrototypeOf(item) === Object.prototype
  );
}

/** The part of a tRPC data transformer (superjson and others) that a codec needs. */
export interface Transformer {
  serialize(value: unknown): unknown;
  deserialize(value: never): unknown;
}

/** A codec that stores results as a data transformer writes them, so that a replay looks like the transformer's own. */
export function transformerCodec(transformer: Transformer): Codec {
  return {
    name: "transformer",
    encode(value) {
      assertNoLiveValue(value, "", new Set());
      // JSON has no text for `undefined`, and transformers without types of their own pass it on.
      const json: string | undefined = JSON.stringify(transformer.serialize(value));
      return json ?? "";
    },
    decode(text) {
      return transformer.deserialize((text === "" ? undefined : JSON.parse(text)) as never);
    },
  };
}

/** Transformers silently turn streams and promises into `{}`. */
function assertNoLiveValue(value: unknown, path: string, seen: Set<object>): void {
  if (typeof value === "function" || typeof value === "symbol") {
    throw new UnstorableValueError(`Cannot store a ${typeof value}`, path);
  }
  if (typeof value !== "object" || value === null || seen.has(value) || ArrayBuffer.isView(value)) {
    return;
  }
  seen.add(value);
  const live = liveKindOf(value);
  if (live !== undefined) {
    const name = classNameOf(value);
    const what = name === undefined || name === "Object" ? live : `an instance of ${name}`;
    throw new UnstorableValueError(`Cannot store ${what}`, path);
  }
  if ("toJSON" in value) {
    // Decimal and the like are written as their own text, whatever functions they carry.
    return;
  }
  if (value instanceof Map || value instanceof Set) {
    for (const item of [...value].flat()) {
      assertNoLiveValue(item, path, seen);
    }
  }
  for (const [name, item] of Object.entries(value)) {
    assertNoLiveValue(item, Array.isArray(value) ? `${path}[${name}]` : `${path}.${name}`, seen);
  }
}

/** What gives its content only once, if it is that. */
function liveKindOf(value: object): string | undefined {
  const has = (name: string) => typeof (value as Record<string, unknown>)[name] === "function";
  if (has("then")) {
    return "a thenable";
  }
  if (has("getReader") || value instanceof Response) {
    return "a stream";
  }
  return has("next") || Symbol.asyncIterator in value ? "an iterator" : undefined;
}

function tightCopy(view: ArrayBufferView): ArrayBufferView {
  const { buffer, byteOffset, byteLength } = view;
  const copy = buffer.slice(byteOffset, byteOffset + byteLength);
  if (view instanceof Uint8Array) {
    return new Uint8Array(copy);
  }
  const View = view.constructor as new (buffer: ArrayBufferLike) => ArrayBufferView;
  return new View(copy);
}
