/** Why no test can notice, or need not notice, a change in these lines. */
const SAME = "the same in all that can be observed";
const COST = "costs more, and is as right";
const COMPILER = "narrows a type for the compiler";
const LOADED = "runs as the module is loaded, before the change is in force";

const KNOWN: Readonly<Record<string, readonly (readonly [code: string, reason: string])[]>> = {
  "src/core/browser/key-header.ts": [["exec(trimmed) ?? []", SAME]],
  "src/core/contract/errors/error-parts.ts": [["Decimal.isDecimal(value)", COMPILER]],
  "src/core/contract/errors/errors.ts": [["const RETRYABLE", LOADED]],
  "src/core/contract/options/codec.ts": [
    ["view instanceof Uint8Array", SAME],
    ['typeof item === "object"', COMPILER],
  ],
  "src/core/contract/options/option-names.ts": [["word.toLowerCase()", SAME]],
  "src/core/contract/test-points.ts": [["points.hasSubscribers", COST]],
  "src/core/contract/warn-once.ts": [["WARNED_MAX", "a thousand warnings are needed to see it"]],
  "src/core/encryption/cipher.ts": [
    ['typeof options.keys !== "function"', SAME],
    // Without a key, `decrypt` throws, and the text stays as it is.
    ["key === undefined", SAME],
  ],
  "src/core/encryption/imported-key.ts": [['typeof key === "string"', SAME]],
  "src/core/encryption/keys.ts": [["key !== undefined", SAME]],
  "src/core/request/canonical.ts": [
    ["writer.files.size === 0", COST],
    ["item === undefined", SAME],
    ["count === 0", SAME],
    ["digest === undefined", COST],
    // Names of one object are never equal.
    ["a < b ? -1 : 1", SAME],
  ],
  "src/core/request/identity.ts": [
    ['typeof id !== "string"', COMPILER],
    ["const PRINTABLE_ASCII", LOADED],
    ["const ID", LOADED],
  ],
  "src/core/request/not-comparable.ts": [['typeof value === "object"', SAME]],
  "src/core/request/prepare.ts": [
    ["input: true", LOADED],
    ["storedInput: true", LOADED],
    ["isRetry: true", LOADED],
    ["const IDENTITY", LOADED],
  ],
  "src/core/upkeep/cursor.ts": [
    ["PLACE.exec(text) ?? []", SAME],
    ["expiresAt === undefined || id === undefined", COMPILER],
    ["/^\\.\\d+/.exec(rest)", SAME],
    ['".123".length', SAME],
  ],
  "src/core/upkeep/list.ts": [["found.at(-1)?.place", COMPILER]],
  "src/core/upkeep/start-pruning.ts": [["SWEEP_EVERY_MS", COST]],
  "src/core/upkeep/stats.ts": [["a.operation < b.operation", SAME]],
};

/** `code`: the line that is changed. */
export function reasonFor(file: string, code: string): string | undefined {
  return KNOWN[file]?.find(([part]) => code.includes(part))?.[1];
}
