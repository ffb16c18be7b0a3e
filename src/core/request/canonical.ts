import { createHash } from "node:crypto";
import { notComparable, tooLarge, unfit } from "./not-comparable.ts";

/**
 * A text that two values share exactly when they are the same input. Key order, the order in Maps and Sets, and an
 * absent property versus an `undefined` one make no difference; everything else does (`a` and `A`, `1` and `"1"`, `0`
 * and `-0`). Every value is tagged with its type, so that none can pass for another.
 *
 * Files are compared by name, type and content.
 *
 * A part whose text is long is written as its hash, once for each object. So objects that occur again and again cost no
 * more than their references, and are the same input as copies of them, which a retry may send in their place.
 *
 * @throws {@link NotComparableError} for a function, a symbol, a promise, a stream, an `Error`, or an object that shows
 * nothing of itself, naming its path; and for a value of more than 8,000,000 characters or 600 levels.
 */
export async function canonical(value: unknown): Promise<string> {
  const writer = new CanonicalWriter();
  const text = writer.write(value, "input");
  if (writer.files.size === 0) {
    return text;
  }
  const digests = await Promise.all([...writer.files].map(digestFile));
  return new CanonicalWriter(new Map(digests)).write(value, "input");
}

/** The part of `Blob` and `File` that matters here. Not tested by class: servers bring their own ponyfills. */
interface FileLike {
  readonly name?: string;
  readonly type: string;
  readonly size: number;
  arrayBuffer(): Promise<ArrayBuffer>;
}

// The client chooses the input. Repeated references to one object, which some transformers preserve, can unfold a short
// request into gigabytes, and nesting can exhaust the stack.
const SIZE_MAX = 8_000_000;
const DEPTH_MAX = 600;
// Longer texts are written as their hash, so they add little to the size.
const TEXT_LENGTH_MAX = 1_024;
// Parts of cycles are written again at each reference, as their text depends on what surrounds them.
const REWRITTEN_MAX = 1_000;

/** The text of `undefined`. */
const ABSENT = "u";

/** What is known of an object that has been written. */
interface Written {
  /** `undefined` for a part of a cycle. */
  readonly text: string | undefined;
  /** How many levels it has. */
  readonly height: number;
}

class CanonicalWriter {
  /** Files whose content was not yet known: contents are read asynchronously, but writing is synchronous. */
  readonly files: Set<FileLike> = new Set();
  readonly #digests: ReadonlyMap<FileLike, string>;
  readonly #open: object[] = [];
  readonly #written = new Map<object, Written>();
  #size = 0;
  #deepest = 0;
  #cycles = 0;
  #rewritten = 0;

  constructor(digests: ReadonlyMap<FileLike, string> = new Map()) {
    this.#digests = digests;
  }

  write(value: unknown, path: string): string {
    if (typeof value === "object" && value !== null) {
      return this.#enter(value, path);
    }
    return this.#counted(this.#writeLeaf(value, path));
  }

  #counted(written: string): string {
    this.#size += written.length;
    if (this.#size > SIZE_MAX) {
      throw tooLarge(SIZE_MAX);
    }
    return written;
  }

  #writeLeaf(value: unknown, path: string): string {
    switch (typeof value) {
      case "undefined":
        return ABSENT;
      case "boolean":
        return value ? "t" : "f";
      case "number":
        return `n${Object.is(value, -0) ? "-0" : value};`;
      case "bigint":
        return `i${value};`;
      case "string":
        return text(value);
      case "object":
        return "0";
      default:
        throw notComparable(value, path);
    }
  }

  #enter(value: object, path: string): string {
    const depth = this.#open.indexOf(value);
    if (depth !== -1) {
      this.#cycles += 1;
      return this.#counted(`c${depth};`);
    }
    const known = this.#written.get(value);
    const level = this.#open.length;
    if (level + (known?.height ?? 1) > DEPTH_MAX) {
      throw unfit("too_deep", `nested deeper than ${DEPTH_MAX} levels`);
    }
    if (known?.text !== undefined) {
      this.#deepest = Math.max(this.#deepest, level + known.height);
      return this.#counted(known.text);
    }
    if (known !== undefined) {
      this.#rewritten += 1;
      if (this.#rewritten > REWRITTEN_MAX) {
        throw unfit("too_large", `made of cycles that are referred to more than ${REWRITTEN_MAX} times`);
      }
    }
    this.#size += 2;
    const { text: written, height, isCyclic } = this.#writeAside(value, path);
    this.#written.set(value, { text: isCyclic ? undefined : written, height });
    return written;
  }

  #writeAside(value: object, path: string): { text: string; height: number; isCyclic: boolean } {
    const level = this.#open.length;
    const [deepest, cycles] = [this.#deepest, this.#cycles];
    this.#deepest = level + 1;
    this.#open.push(value);
    const written = this.#writeObject(value, path);
    this.#open.pop();
    const height = this.#deepest - level;
    this.#deepest = Math.max(this.#deepest, deepest);
    // Later references to the object are written as its text, however long: it must not be.
    const text = written.length > TEXT_LENGTH_MAX ? `#${sha256(Buffer.from(written, "utf16le"))}` : written;
    return { text, height, isCyclic: this.#cycles > cycles };
  }

  #writeObject(value: object, path: string): string {
    if (Array.isArray(value)) {
      return `[${this.#items(value, path)}]`;
    }
    if (value instanceof Date) {
      return `d${value.getTime()};`;
    }
    if (value instanceof Map) {
      const entries = Array.from(
        value,
        ([key, item]) => this.write(key, `${path}.key`) + this.write(item, path),
      );
      return `M${entries.sort().join("")}]`;
    }
    if (value instanceof Set) {
      return `S${Array.from(value, (item) => this.write(item, path))
        .sort()
        .join("")}]`;
    }
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
      return bytes(value);
    }
    if (isFileLike(value)) {
      return this.#writeFile(value);
    }
    if (value instanceof FormData) {
      return `F${Array.from(value, ([name, item]) => this.#counted(text(name)) + this.write(item, `${path}.${name}`)).join("")}]`;
    }
    if (isOneShot(value)) {
      throw notComparable(value, path);
    }
    return this.#writeProperties(value, path);
  }

  #items(list: readonly unknown[], path: string): string {
    // Some transformers make a list of four billion holes of 20 characters. Each item takes a character, and more memory.
    if (this.#size + list.length > SIZE_MAX) {
      throw tooLarge(SIZE_MAX);
    }
    const parts: string[] = [];
    let absent = 0;
    for (let index = 0; index < list.length; index += 1) {
      const item = list[index];
      if (item === undefined) {
        absent += 1;
      } else {
        parts.push(this.#absent(absent), this.write(item, `${path}[${index}]`));
        absent = 0;
      }
    }
    return parts.join("") + this.#absent(absent);
  }

  /** So many holes in a list, or items that are `undefined`. */
  #absent(count: number): string {
    return count === 0 ? "" : this.#counted(ABSENT.repeat(count));
  }

  #writeFile(file: FileLike): string {
    const digest = this.#digests.get(file);
    if (digest === undefined) {
      this.files.add(file);
    }
    return this.#counted(`b${text(file.name ?? "")}${text(file.type)}${file.size};${digest ?? ""}`);
  }

  #writeProperties(value: object, path: string): string {
    if (isPlain(value)) {
      return `{${this.#properties(value, path)}}`;
    }
    // Decimal, URL and the like are identified by their own text, a class without one by its fields. Class names do not
    // count: a minifier renames them between two deployments.
    if (hasToJson(value)) {
      return `j${this.write(value.toJSON(), path)}`;
    }
    if (value instanceof RegExp || value instanceof URLSearchParams) {
      return this.#counted(`s${text(String(value))}`);
    }
    // An object that shows nothing of itself (private fields, iterators, headers) would equal every other of its kind.
    if (Object.keys(value).length === 0 || value instanceof Error) {
      throw notComparable(value, path);
    }
    return `o{${this.#properties(value, path)}}`;
  }

  #properties(value: object, path: string): string {
    return Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, item]) => this.#counted(text(name)) + this.write(item, `${path}.${name}`))
      .join("");
  }
}

function text(value: string): string {
  return value.length > TEXT_LENGTH_MAX
    ? `h${value.length}:${sha256(Buffer.from(value, "utf16le"))}`
    : `"${value.length}:${value}`;
}

function bytes(value: ArrayBufferView | ArrayBuffer): string {
  const kind = value instanceof Uint8Array ? "Uint8Array" : value.constructor.name;
  const view = ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);
  return `x${text(kind)}${view.length}:${sha256(view)}`;
}

function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("base64");
}

async function digestFile(file: FileLike): Promise<[FileLike, string]> {
  return [file, sha256(new Uint8Array(await file.arrayBuffer()))];
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  // An object of another realm (a vm context, a test runner's) has that realm's Object.prototype.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function isFileLike(value: object): value is FileLike {
  return (
    "arrayBuffer" in value && typeof value.arrayBuffer === "function" && "size" in value && "type" in value
  );
}

function hasToJson(value: object): value is { toJSON(): unknown } {
  return "toJSON" in value && typeof value.toJSON === "function";
}

function isOneShot(value: object): boolean {
  return (
    ("getReader" in value && typeof value.getReader === "function") ||
    ("then" in value && typeof value.then === "function") ||
    Symbol.asyncIterator in value
  );
}
