import type { Idempotency } from "../../core/contract/idempotency.ts";
import { CliError } from "../cli-error.ts";

/** What commands call. */
const METHODS: readonly (keyof Idempotency<unknown>)[] = [
  "check",
  "countByOperation",
  "forget",
  "inspect",
  "list",
  "prune",
  "run",
  "stats",
];

export type Exports = Readonly<Record<string, unknown>>;

/** Whether something came from `createIdempotency`, of any version. */
export function isInstance(value: unknown): value is Idempotency<unknown> {
  const { run, inspect, prune } = (value ?? {}) as Exports;
  return [run, inspect, prune].every((method) => typeof method === "function");
}

/**
 * The instance that a module exports: by the name given, else as its default or as `idempotency`.
 *
 * @throws {@link CliError} when there is none, or more than one.
 */
export function exportedInstance(
  exported: Exports,
  name: string | undefined,
  file: string,
): Idempotency<unknown> {
  if (name !== undefined) {
    const value = exported[name];
    if (!isInstance(value)) {
      const found = name in exported ? `is ${kindOf(value)}` : "does not exist";
      throw new CliError(
        `The export ${name} of ${file} ${found}, not what createIdempotency returned.${others(exported)}`,
      );
    }
    return usable(value, file);
  }
  const [found, another] = [...new Set([exported["default"], exported["idempotency"]].filter(isInstance))];
  if (found === undefined) {
    throw new CliError(
      `${file} exports nothing that createIdempotency returned, neither as its default nor as idempotency.${others(exported)}`,
    );
  }
  if (another !== undefined) {
    throw new CliError(
      `${file} exports two instances, default and idempotency: say which by --export default or --export idempotency.`,
    );
  }
  return usable(found, file);
}

/** @throws {@link CliError} for one of another version of the package, which lacks what commands call. */
export function usable(instance: Idempotency<unknown>, file: string): Idempotency<unknown> {
  const missing = METHODS.find((name) => typeof instance[name] !== "function");
  if (missing !== undefined) {
    throw new CliError(
      `The instance of ${file} has no method ${missing}: it comes from another version of onceonly than this command, so run the ` +
        "command of the version that the application uses.",
    );
  }
  return instance;
}

function others(exported: Exports): string {
  const names = Object.keys(exported).filter((name) => isInstance(exported[name]));
  return names.length === 0 ? "" : ` It has one as ${names.join(", ")}: name it by --export.`;
}

/** For a sentence: what was found instead. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) {
    return String(value);
  }
  return typeof value === "object" || typeof value === "function"
    ? typeof value === "object"
      ? "an object"
      : "a function"
    : `a ${typeof value}`;
}
