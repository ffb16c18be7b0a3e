/** Stored values as others can read them: as JSON for programs, as text for people. Neither loses what JSON has no word for. */
import { inspect } from "node:util";
import { escaped, hasColors, shown } from "./text.ts";

/** Stands for what JSON cannot say. `original` is the value itself. */
type Tag = (type: string, value: unknown, original: unknown) => unknown;

/** More would end in an overflow of the stack, here or in `JSON.stringify`. */
const LEVELS_MAX = 500;

/**
 * JSON for any value. What JSON has no word for is `{ "$type": "Map", "value": ... }`; an object that occurs again, as in a circle, is
 * `{ "$type": "Reference", "value": "$.items[0]" }`, which names where it stands in the same document.
 */
export function asJson(value: unknown): unknown {
  return new Copy((type, inner) =>
    inner === undefined ? { $type: type } : { $type: type, value: inner },
  ).of(value, "$", 0);
}

/** Text for people, of as many lines as it takes. */
export function asText(value: unknown): string {
  const isNative = (original: unknown) => typeof original !== "object" || original instanceof Date;
  const copy = new Copy((type, inner, original) =>
    isNative(original) ? original : new Tagged(shown(type), inner),
  ).of(value, "$", 0);
  const text = inspect(copy, {
    depth: Number.POSITIVE_INFINITY,
    maxArrayLength: null,
    maxStringLength: null,
    breakLength: 100,
    colors: hasColors(),
  });
  return text.replace(UNSEEN, escaped);
}

/** A document of JSON in which no character acts on a terminal. */
export function jsonText(document: unknown): string {
  return JSON.stringify(document, null, 2).replace(UNSEEN, escaped);
}

/** What turns the direction of a text, and the controls that JSON leaves alone. */
const UNSEEN = /[\u007f-\u009f\p{Bidi_Control}\p{Zl}\p{Zp}\ufeff]/gu;

class Tagged {
  readonly #type: string;
  readonly #inner: unknown;

  constructor(type: string, inner: unknown) {
    this.#type = type;
    this.#inner = inner;
  }

  [inspect.custom](_depth: number, options: object, print: typeof inspect): string {
    const inner = this.#inner;
    return typeof inner === "object"
      ? `${this.#type} ${print(inner, options)}`
      : `${this.#type}(${typeof inner === "string" ? shown(inner) : print(inner, options)})`;
  }
}

class Copy {
  readonly #tag: Tag;
  readonly #seen = new Map<object, string>();

  constructor(tag: Tag) {
    this.#tag = tag;
  }

  of(value: unknown, path: string, level: number): unknown {
    switch (typeof value) {
      case "string":
      case "boolean":
        return value;
      case "number":
        return Number.isFinite(value) && !Object.is(value, -0)
          ? value
          : this.#tag("number", Object.is(value, -0) ? "-0" : String(value), value);
      case "undefined":
        return this.#tag("undefined", undefined, value);
      case "object":
        return value === null ? null : this.#ofObject(value, path, level);
      case "bigint":
      case "symbol":
      case "function":
        return this.#tag(typeof value, String(value), value);
      default:
        return undefined;
    }
  }

  #ofObject(value: object, path: string, level: number): unknown {
    const seen = this.#seen.get(value);
    if (seen !== undefined) {
      return this.#tag("Reference", seen, value);
    }
    this.#seen.set(value, path);
    if (level === LEVELS_MAX) {
      return this.#tag("Omitted", `more than ${LEVELS_MAX} levels`, {});
    }
    if (Array.isArray(value) && Object.keys(value).length === value.length) {
      return value.map((item: unknown, index) => this.of(item, `${path}[${index}]`, level + 1));
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    const isPlain = prototype === Object.prototype || prototype === null;
    // An object that looks like one of these tags is no such tag.
    if (isPlain && !Object.hasOwn(value, "$type")) {
      return this.#entries(Object.entries(value), path, level);
    }
    const type = typeOf(value);
    const content = contentOf(value);
    return content instanceof Entries
      ? this.#tag(type, this.#entries(content.entries, `${path}.value`, level), value)
      : this.#tag(type, this.of(content, `${path}.value`, level + 1), value);
  }

  #entries(entries: readonly (readonly [string, unknown])[], path: string, level: number): object {
    const copy = {};
    for (const [name, item] of entries) {
      // Not by assignment, which has another meaning for `__proto__`.
      Object.defineProperty(copy, name, {
        value: this.of(item, `${path}${member(name)}`, level + 1),
        enumerable: true,
      });
    }
    return copy;
  }
}

const member = (name: string): string =>
  /^[A-Za-z_]\w*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;

class Entries {
  readonly entries: readonly (readonly [string, unknown])[];

  constructor(entries: readonly (readonly [string, unknown])[]) {
    this.entries = entries;
  }
}

function typeOf(value: object): string {
  if (value instanceof Error) {
    return "Error";
  }
  // Bundlers rename classes, and leave this alone.
  const tag = Object.prototype.toString.call(value).slice("[object ".length, -1);
  const { constructor } = value as { readonly constructor?: unknown };
  return tag !== "Object" ? tag : (typeof constructor === "function" && constructor.name) || tag;
}

/** What an object consists of: its members, or one value that says all. */
function contentOf(value: object): unknown {
  if (value instanceof Date) {
    return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
  }
  if (value instanceof Map || value instanceof Set) {
    return [...value];
  }
  if (value instanceof RegExp || value instanceof URLSearchParams) {
    return String(value);
  }
  if (value instanceof ArrayBuffer) {
    return Buffer.from(value).toString("base64");
  }
  if (ArrayBuffer.isView(value)) {
    return bytesOf(value);
  }
  if (value instanceof Error) {
    const { name, message, cause } = value;
    const said = { name, message, ...(cause === undefined ? {} : { cause }) };
    return new Entries(Object.entries({ ...said, ...value }));
  }
  return jsonOf(value) ?? primitiveOf(value) ?? membersOf(value);
}

function bytesOf(view: ArrayBufferView): unknown {
  return view instanceof Uint8Array || view instanceof DataView
    ? Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString("base64")
    : Array.from(view as unknown as Iterable<unknown>);
}

/** Decimal, URL and most classes of others say here what they are. */
function jsonOf(value: object): unknown {
  const { toJSON } = value as { readonly toJSON?: unknown };
  if (typeof toJSON !== "function") {
    return undefined;
  }
  try {
    const json: unknown = toJSON.call(value, "");
    return json === value ? undefined : json;
  } catch {
    return undefined;
  }
}

/** Of `Object(1)` and the like. */
function primitiveOf(value: object): unknown {
  const isBoxed = [Number, String, Boolean, BigInt].some((type) => value instanceof type);
  return isBoxed ? value.valueOf() : undefined;
}

function membersOf(value: object): Entries {
  const entries = Object.entries(value);
  return new Entries(Array.isArray(value) ? [...entries, ["length", value.length]] : entries);
}
