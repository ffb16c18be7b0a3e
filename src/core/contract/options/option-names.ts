import leven, { closestMatch } from "leven";
import { typeOf } from "../../browser/option-checks.ts";

/** The names of all options of a type: a new one that is missing here does not compile. */
export type OptionNames<TOptions> = Readonly<Record<keyof TOptions, true | "required">>;

type KnownNames = Readonly<Record<string, true | "required">>;

/**
 * Refuses an option that does not exist: what was meant by it would silently not apply. An option that is `undefined` is
 * absent.
 *
 * `path` is what stands before its name, such as `transaction.`.
 *
 * @throws TypeError for what is no object, and one that names the option that was probably meant, or else all there are; and those that are missing.
 */
export function checkOptionNames(options: object, known: KnownNames, path: `${string}.` | "" = ""): void {
  if (typeof options !== "object" || options === null) {
    const where = path === "" ? "the options are" : `option ${path.slice(0, -1)} is`;
    throw new TypeError(
      `onceonly: ${where} of type ${typeOf(options)}; give an object with ${listOf(known).join(", ")}.`,
    );
  }
  for (const name in options) {
    if (!Object.hasOwn(known, name) && valueOf(options, name) !== undefined) {
      throw unknownOption(name, options, known, path);
    }
  }
}

function valueOf(options: object, name: string): unknown {
  return (options as Record<string, unknown>)[name];
}

function unknownOption(name: string, options: object, known: KnownNames, path: string): TypeError {
  const names = Object.keys(known);
  const absent = names.filter((other) => valueOf(options, other) === undefined);
  const missing = absent.filter((other) => known[other] === "required");
  const meant = meantBy(name, absent) ?? (missing.length === 1 ? missing[0] : nearestTo(name, names));
  const remedy =
    meant === undefined ? `there are ${listOf(known).join(", ")}.` : `did you mean ${path}${meant}?`;
  const first =
    missing.length === 0
      ? ""
      : `option ${missing.join(" and option ")} ${missing.length === 1 ? "is" : "are"} missing, and `;
  return new TypeError(`onceonly: ${first}there is no option ${path}${name}; ${remedy}`);
}

function listOf(known: KnownNames): readonly string[] {
  const isRequired = (name: string) => known[name] === "required";
  const names = Object.keys(known);
  return [
    ...names.filter(isRequired).map((name) => `${name} (required)`),
    ...names.filter((name) => !isRequired(name)),
  ];
}

/** What people call an option elsewhere, in lower case, and what is meant by it here. */
const ALIASES: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    client: ["prisma"],
    prismaclient: ["prisma"],
    key: ["id"],
    messageid: ["id"],
    eventid: ["id"],
    idempotencykey: ["key"],
    user: ["scope"],
    userid: ["scope"],
    tenant: ["scope"],
    createcontext: ["createArg"],
    createarg: ["createContext"],
    name: ["consumer", "operation"],
    ttl: ["retentionMs"],
    retries: ["attemptsMax", "retryConflicts"],
    maxretries: ["attemptsMax", "retryConflicts"],
    interval: ["pollMs"],
    pollinterval: ["pollMs"],
    deadletter: ["onPoison"],
    ondeadletter: ["onPoison"],
  }),
);

/** The option that was meant by another name of it, or by its words in another order. `absent` are those that may be. */
function meantBy(name: string, absent: readonly string[]): string | undefined {
  return (
    ALIASES.get(name.toLowerCase())?.find((alias) => absent.includes(alias)) ??
    absent.find((other) => wordsOf(other) === wordsOf(name)) ??
    nearestTo(name, absent)
  );
}

/** `maxAttempts` has the words of `attemptsMax`. */
function wordsOf(name: string): string {
  return name
    .split(/(?=[A-Z])/)
    .map((word) => word.toLowerCase())
    .sort()
    .join(" ");
}

/** The name that was probably meant; `undefined` if none is near. Upper and lower case count as one. */
export function nearestTo(name: string, known: readonly string[]): string | undefined {
  const given = name.toLowerCase();
  const names = new Map(known.map((other) => [other.toLowerCase(), other]));
  const nearest = closestMatch(given, [...names.keys()]);
  const isNear = nearest !== undefined && leven(given, nearest) <= Math.max(given.length, nearest.length) / 3;
  return isNear ? names.get(nearest) : undefined;
}
