import type { KeyProblem } from "../../core/contract/errors/errors.ts";

/** What the header of a request is, in words, and what an adapter must make of it. */
export interface KeyHeaderVector {
  /** Why it is here. */
  readonly what: string;
  /** The value of the header `Idempotency-Key`, as it stands on the wire. */
  readonly header: string;
  /** The key that is read. `undefined` where the header is refused. */
  readonly key?: string;
  /** The reason in the details of `KEY_INVALID`, where the header is refused. */
  readonly problem?: KeyProblem;
}

/** The same for a request that carries several calls. */
export interface KeyListHeaderVector {
  /** Why it is here. */
  readonly what: string;
  /** The value of the header `Idempotency-Key`, as it stands on the wire. */
  readonly header: string;
  /** How many calls the request carries. */
  readonly calls: number;
  /** The keys that are read, `undefined` for a call that has none. */
  readonly keys?: readonly (string | undefined)[];
  /** The reason in the details of `KEY_INVALID`, where the header is refused. */
  readonly problem?: KeyProblem;
}

const UUID = "8e03978e-40d5-43dd-bc93-6894a57f9324";

const read: readonly (readonly [what: string, header: string, key: string])[] = [
  ["a quoted key", `"${UUID}"`, UUID],
  ["a bare key", UUID, UUID],
  ["a bare number", "42", "42"],
  ["a bare token", "order_7/a", "order_7/a"],
  ["blanks around a bare key", `  ${UUID}\t`, UUID],
  ["blanks around a quoted key", ` "${UUID}" `, UUID],
  ["an escaped quote", String.raw`"a\"b"`, 'a"b'],
  ["an escaped backslash", String.raw`"a\\b"`, String.raw`a\b`],
  ["a comma inside quotes", '"a, b"', "a, b"],
  ["blanks inside quotes", '" a "', " a "],
  ["a quoted boolean", '"?0"', "?0"],
  ["parameters, which the RFC says to ignore", '"a";v=1;w', "a"],
  ["255 quoted characters", `"${"k".repeat(255)}"`, "k".repeat(255)],
];

const refused: Readonly<Partial<Record<KeyProblem, readonly (readonly [what: string, header: string])[]>>> = {
  malformed_header: [
    ["two headers merged into one", "a, b"],
    ["two bare keys and no blank", "a,b"],
    ["two quoted headers merged into one", '"a", "b"'],
    ["a comma at the end", '"a",'],
    ["an unclosed quote", '"a'],
    ["a quote at the end only", 'a"'],
    ["text after the quoted key", '"a"b'],
    ["a bad escape", String.raw`"a\nb"`],
    ["single quotes around blanks", "'a b'"],
    ["bare words", "a b"],
    ["false", "?0"],
    ["true", "?1"],
    ["a byte sequence", ":YWJj:"],
    ["an inner list", '("a" "b")'],
    ["an inner list of one token", "(a)"],
    ["an inner list with nothing in it", "()"],
    ["a bare key with a parameter", "a;v=1"],
    ["a bare parameter", ";v=1"],
    ["a control character in quotes", '"a\u0001b"'],
    ["a line feed in quotes", '"a\nb"'],
    ["an emoji", "🔑"],
    ["an emoji in quotes", '"🔑"'],
    ["a display string", '%"a"'],
  ],
  empty: [
    ["nothing", ""],
    ["blanks only", "  \t"],
    ["empty quotes", '""'],
  ],
  too_long: [
    ["256 bare characters", "k".repeat(256)],
    ["10,000 bare characters", "k".repeat(10_000)],
    ["10,000 quoted characters", `"${"k".repeat(10_000)}"`],
    ["10,000 escaped quotes", `"${String.raw`\"`.repeat(10_000)}"`],
  ],
};

/** What an adapter must make of the header of a request that carries one call. */
export const keyHeaderVectors: readonly KeyHeaderVector[] = [
  ...read.map(([what, header, key]) => ({ what, header, key })),
  ...Object.entries(refused).flatMap(([problem, those]) =>
    those.map(([what, header]) => ({ what, header, problem: problem as KeyProblem })),
  ),
];

const lists: readonly (readonly [what: string, header: string, keys: readonly (string | undefined)[]])[] = [
  ["quoted keys", '"a", "b"', ["a", "b"]],
  ["bare keys", "a,b", ["a", "b"]],
  ["no key for the first call", '?0, "b"', [undefined, "b"]],
  ["no key for the second of bare ones", "a, ?0", ["a", undefined]],
  ["no key at all", "?0,?0", [undefined, undefined]],
  ["a quoted ?0, which is a key", '"?0", ?0', ["?0", undefined]],
  ["commas and quotes inside quotes", String.raw`"a, b", "c\"d"`, ["a, b", 'c"d']],
  ["parameters", '"a";v=1, "b"', ["a", "b"]],
  ["two headers merged into one", '"a" ,\t"b"', ["a", "b"]],
  ["the same key twice", '"a", "a"', ["a", "a"]],
];

const otherCounts: readonly (readonly [what: string, header: string, calls: number])[] = [
  ["too few", '"a"', 2],
  ["too many", '"a", "b", "c"', 2],
  ["none", "", 1],
  ["10,000", Array.from({ length: 10_000 }, () => '"a"').join(","), 2],
];

const refusedLists: readonly (readonly [what: string, header: string])[] = [
  ["true", '?1, "b"'],
  ["true among bare keys", "?1, b"],
  ["an inner list", '("a"), "b"'],
  ["an inner list of tokens", "(a), b"],
  ["a byte sequence", ':YWJj:, "b"'],
  ["a byte sequence among bare keys", ":YWJj:, b"],
  ["a number beside a quoted key", '1, "b"'],
  ["an empty member", '"a", , "b"'],
  ["a comma at the end", '"a", "b",'],
  ["a bare key with blanks", "a b, c"],
];

/** What an adapter must make of the header of a request that carries several calls. */
export const keyListHeaderVectors: readonly KeyListHeaderVector[] = [
  ...lists.map(([what, header, keys]) => ({ what, header, calls: 2, keys })),
  ...otherCounts.map(([what, header, calls]) => ({
    what,
    header,
    calls,
    problem: "count_mismatch" as const,
  })),
  ...refusedLists.map(([what, header]) => ({ what, header, calls: 2, problem: "malformed_header" as const })),
];
