import { misuse } from "../../core/browser/option-checks.ts";

interface HeaderNamesOption {
  readonly option: string;
  /** Shows what is meant, for the error's text. */
  readonly example: string;
  /** In lower case. */
  readonly never: ReadonlySet<string>;
  /** What other names are like that are never taken, and how the error's text calls those. */
  readonly neverLike?: { readonly pattern: RegExp; readonly text: string };
  /** Why never, for the error's text. */
  readonly reason?: string;
}

/**
 * The names that an option lists, in lower case.
 *
 * @throws TypeError for a name that is not a header's (RFC 9110, section 5.1), and for one in `never`.
 */
export function headerNames(
  names: unknown,
  { option, example, never, neverLike, reason = "" }: HeaderNamesOption,
): string[] {
  if (!Array.isArray(names)) {
    throw misuse(option, names, `a list of header names such as ["${example}"]`);
  }
  const isRefused = (name: string): boolean => never.has(name) || neverLike?.pattern.test(name) === true;
  const unusable: unknown = names.find((name) => !isHeaderName(name) || isRefused(name.toLowerCase()));
  if (unusable !== undefined) {
    throw misuse(
      option,
      unusable,
      `names of headers other than ${[...never].join(", ")}${neverLike?.text ?? ""}${reason}`,
    );
  }
  return (names as string[]).map((name) => name.toLowerCase());
}

function isHeaderName(value: unknown): value is string {
  return typeof value === "string" && /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(value);
}
