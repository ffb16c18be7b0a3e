import { inspect } from "node:util";
import { Decimal } from "decimal.js";
import { quoted, visible } from "./visible.ts";

/** How much of a value is shown. */
export interface ShownBounds {
  /** Characters of the whole, about. */
  readonly charactersMax: number;
}

/** A value as text. */
export interface ShownValue {
  readonly text: string;
  /** Whether some of it was left out. */
  readonly isCut: boolean;
}

const DEPTH_MAX = 20;
const LINE = 80;
/** Of a text inside of something, so that one does not leave the others without room. */
const INNER_TEXT = 4_000;

/**
 * Writes a value as JavaScript would, each part on a line of its own if it is long. Calls no method and no getter of it. A part
 * that occurs twice is written twice, so what is small as stored may be large: the time it takes is bounded by `charactersMax`.
 */
export function shownValue(value: unknown, bounds: ShownBounds): ShownValue {
  const writer = new ValueWriter(bounds.charactersMax);
  return { text: writer.write(value, 0), isCut: writer.isCut };
}

class ValueWriter {
  isCut = false;
  #left: number;
  readonly #open: Set<object> = new Set();

  constructor(charactersMax: number) {
    this.#left = charactersMax;
  }

  write(value: unknown, depth: number): string {
    if (typeof value === "string") {
      return this.#text(value, depth);
    }
    if (typeof value !== "object" || value === null) {
      return this.#leaf(inspect(value));
    }
    if (this.#open.has(value)) {
      return this.#leaf("[Circular]");
    }
    if (this.#left <= 0 || depth > DEPTH_MAX) {
      this.isCut = true;
      return "…";
    }
    this.#open.add(value);
    try {
      return this.#object(value, depth);
    } catch {
      // A class of the application's, or a proxy, may fail at anything.
      return this.#leaf("[cannot be shown]");
    } finally {
      this.#open.delete(value);
    }
  }

  /** What is short, or is cut: the name of a property may have a megabyte too. */
  #leaf(text: string): string {
    const seen = visible(text.slice(0, INNER_TEXT));
    this.isCut ||= text.length > INNER_TEXT;
    return this.#spend(text.length > INNER_TEXT ? `${seen}…` : seen);
  }

  #spend(text: string): string {
    this.#left -= text.length;
    return text;
  }

  #text(value: string, depth: number): string {
    const room = Math.max(0, depth === 0 ? this.#left : Math.min(this.#left, INNER_TEXT));
    if (value.length <= room) {
      return this.#spend(quoted(value));
    }
    this.isCut = true;
    const more = (value.length - room).toLocaleString("en");
    return this.#spend(`${quoted(value.slice(0, room))} … ${more} more characters`);
  }

  #object(value: object, depth: number): string {
    if (value instanceof Date) {
      return this.#leaf(Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString());
    }
    if (value instanceof RegExp || value instanceof URL) {
      return this.#leaf(`${value.constructor.name} ${quoted(String(value))}`);
    }
    if (Decimal.isDecimal(value) && typeof value.toFixed === "function") {
      return this.#leaf(`Decimal ${value.valueOf()}`);
    }
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
      return this.#bytes(value);
    }
    if (Array.isArray(value)) {
      return this.#list("[", "]", this.#items(value, depth), value.length);
    }
    if (value instanceof Map) {
      return this.#list(`Map(${value.size}) {`, "}", this.#entries(value, depth), value.size);
    }
    if (value instanceof Set) {
      return this.#list(`Set(${value.size}) {`, "}", this.#members(value, depth), value.size);
    }
    const names = namesOf(value);
    const before = this.#leaf(prefixOf(value));
    return this.#list(`${before}{`, "}", this.#properties(value, names, depth), names.length);
  }

  *#items(list: readonly unknown[], depth: number): Generator<string> {
    for (let index = 0; index < list.length; index += 1) {
      yield index in list ? this.write(list[index], depth + 1) : this.#leaf("<empty>");
    }
  }

  *#entries(map: ReadonlyMap<unknown, unknown>, depth: number): Generator<string> {
    for (const [key, item] of map) {
      yield `${this.write(key, depth + 1)} => ${this.write(item, depth + 1)}`;
    }
  }

  *#members(set: ReadonlySet<unknown>, depth: number): Generator<string> {
    for (const item of set) {
      yield this.write(item, depth + 1);
    }
  }

  *#properties(value: object, names: readonly string[], depth: number): Generator<string> {
    for (const name of names) {
      const property = Object.getOwnPropertyDescriptor(value, name);
      const label = this.#leaf(/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name) ? name : quoted(name));
      const isGetter = property !== undefined && !("value" in property);
      yield `${label}: ${isGetter ? this.#leaf("[Getter]") : this.write(property?.value, depth + 1)}`;
    }
  }

  #list(begin: string, end: string, parts: Generator<string>, count: number): string {
    const shown: string[] = [];
    for (const part of parts) {
      shown.push(part);
      // Brackets, commas and the spaces before a line.
      this.#left -= 2;
      if (this.#left <= 0 && shown.length < count) {
        this.isCut = true;
        shown.push(`… ${(count - shown.length).toLocaleString("en")} more`);
        break;
      }
    }
    this.#left -= begin.length + end.length;
    const length = shown.reduce((sum, part) => sum + part.length + 2, 0);
    if (length <= LINE && !shown.some((part) => part.includes("\n"))) {
      const space = end === "}" && shown.length > 0 ? " " : "";
      return `${begin}${space}${shown.join(", ")}${space}${end}`;
    }
    const lines = shown.map((part) => `  ${part.replaceAll("\n", "\n  ")}`);
    return `${begin}\n${lines.join(",\n")}\n${end}`;
  }

  /** As text if it is one, such as the body of an HTTP response. */
  #bytes(value: ArrayBufferView | ArrayBuffer): string {
    const bytes = ArrayBuffer.isView(value)
      ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
      : new Uint8Array(value);
    const room = Math.max(0, Math.min(this.#left, INNER_TEXT));
    this.isCut ||= bytes.length > room;
    const part = bytes.subarray(0, room);
    const more = bytes.length > room ? ` … ${(bytes.length - room).toLocaleString("en")} more bytes` : "";
    const name = `${classOf(value) ?? "Bytes"}(${bytes.length})`;
    return this.#spend(`${name} ${textOf(part, more === "") ?? hexOf(part)}${more}`);
  }
}

function textOf(bytes: Uint8Array, isWhole: boolean): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes, {
      stream: !isWhole,
    });
    return quoted(text);
  } catch {
    return undefined;
  }
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes.subarray(0, 256), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

/** An error's message is data, and where it was made is not: that is where it was restored. */
function namesOf(value: object): readonly string[] {
  const names = Object.keys(value);
  if (!(value instanceof Error)) {
    return names;
  }
  const hidden = ["message", "cause", "errors"].filter(
    (name) => Object.hasOwn(value, name) && !names.includes(name),
  );
  return [...hidden, ...names.filter((name) => name !== "stack")];
}

function prefixOf(value: object): string {
  const name = value instanceof Error ? (ownText(value, "name") ?? classOf(value)) : classOf(value);
  return name === undefined || name === "Object" ? "" : `${quoted(name).slice(1, -1)} `;
}

function classOf(value: object): string | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  const made: unknown =
    prototype === null ? undefined : Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
  return typeof made === "function" ? (ownText(made, "name") ?? undefined) : undefined;
}

/** Without a call of a getter. */
function ownText(value: object, name: string): string | undefined {
  const text: unknown = Object.getOwnPropertyDescriptor(value, name)?.value;
  return typeof text === "string" && text !== "" ? text : undefined;
}
