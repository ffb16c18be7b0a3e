import { AssertionError } from "node:assert";
import { type Difference, signed } from "./state.ts";

/** What is wrong with a mutation. */
export type ExactlyOnceFinding =
  /** The state shows more than one execution, or effects that one execution does not have. */
  | "repeated"
  /** The state shows less than one execution, although the caller has got an answer. */
  | "missing"
  /** An effect was there although its attempt was rolled back. */
  | "outside"
  /** A write went to the database, but not through the transaction of the handler. */
  | "uncovered write"
  /** A statement came after the end of its handler, and was not sent. */
  | "late statement"
  /** A statement failed, and the handler answered as if it had not. */
  | "swallowed error"
  /** An error that a retry would pass was stored as the answer. */
  | "stored error"
  /** A call with the key of another, and as the same caller, was taken for another mutation. */
  | "another record"
  /** A retry was refused, such as with `KEY_REUSED`: its input differs from that of the first call. */
  | "refused"
  /** Two keys, or two callers, share one record. */
  | "shared record"
  /** A duplicate was answered with something else than the first call. */
  | "another answer"
  /** The mutation was executed, but without its key. */
  | "unkeyed"
  /** The mutation fails, also when it is retried. */
  | "failed";

/** One thing that {@link expectExactlyOnce} has found, and in what it showed. */
export interface Found {
  readonly kind: ExactlyOnceFinding;
  /** In one or two sentences. */
  readonly text: string;
  /** What was done to the mutation when it showed: `double`, `race`. */
  readonly during: readonly string[];
}

/** A mutation is not executed exactly once. The message lists what was found. */
export class ExactlyOnceError extends AssertionError {
  /** What was found, one entry for each cause. */
  readonly findings: readonly Found[];

  constructor(findings: readonly Found[]) {
    const list = findings.map(
      ({ text, during }, index) => `  ${index + 1}. ${text}\n     Seen in: ${during.join(", ")}.`,
    );
    super({
      message: `onceonly: this mutation is not executed exactly once.\n\n${list.join("\n\n")}\n`,
    });
    this.name = "ExactlyOnceError";
    this.findings = findings;
  }
}

/** Collects what is found: the same thing once, with all that it showed in. */
export class Findings {
  readonly #found: Map<string, { kind: ExactlyOnceFinding; text: string; during: Set<string> }> = new Map();

  /** `about` tells findings of one kind apart. */
  add(kind: ExactlyOnceFinding, during: string, text: string, about: string = ""): void {
    const place = `${kind} ${about}`;
    const known = this.#found.get(place) ?? { kind, text, during: new Set<string>() };
    known.during.add(during);
    this.#found.set(place, known);
  }

  get isEmpty(): boolean {
    return this.#found.size === 0;
  }

  /** @throws ExactlyOnceError if there is anything. */
  throwIfAny(): void {
    if (!this.isEmpty) {
      const found = [...this.#found.values()].toSorted(
        (a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind),
      );
      throw new ExactlyOnceError(
        found.map(({ kind, text, during }) => ({ kind, text, during: [...during] })),
      );
    }
  }
}

/** Causes first, and then what they lead to. */
const ORDER: readonly ExactlyOnceFinding[] = [
  "unkeyed",
  "shared record",
  "another record",
  "refused",
  "uncovered write",
  "late statement",
  "swallowed error",
  "stored error",
  "outside",
  "repeated",
  "missing",
  "another answer",
  "failed",
];

/** `orders +3 (one execution: +1), mails +2 (one execution: none)`. */
export function shownDifferences(differences: readonly Difference[]): string {
  return differences
    .map(({ path, change, expected }) => {
      const usual = expected === 0 ? "leaves it as it is" : `changes it by ${signed(expected)}`;
      return `${path} has changed by ${signed(change)}, where one execution ${usual}`;
    })
    .join("; ");
}

/** More than one execution leaves, rather than less. */
export const isMore = ({ change, expected }: Difference): boolean =>
  expected === 0 || change / expected > 1 || change / expected < 0;
