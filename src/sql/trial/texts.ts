import { randomBytes } from "node:crypto";
import { type Names, unquoted } from "../dialect/names.ts";
import type { ColumnRow, TableDescription } from "../dialect/table-check.ts";

/** What a trial writes where runs write what applications and clients give them. */
export interface TrialTexts {
  readonly scope: string;
  readonly operation: string;
  readonly key: string;
  readonly input: string;
  readonly response: string;
  /** Two names of steps that are easily taken for one. */
  readonly steps: readonly [string, string];
}

/** An operation and a key have 255 characters at most. */
const NAME_LENGTH = 255;
/** More than an index of PostgreSQL takes. */
const LONG = 4_000;

/**
 * Of ASCII alone: texts that look like numbers, that end in spaces, and a result that is no JSON and that a parser of JSON would
 * write differently.
 */
export function plainTexts(): TrialTexts {
  return {
    scope: "007 ",
    operation: "0".repeat(NAME_LENGTH),
    key: `0.${"0".repeat(NAME_LENGTH - 3)} `,
    input: String.raw`trial:{"b":  1, "a": "\u0041\\ ''" } `,
    response: String.raw`trial:{"b":  1, "a": "\u0041\\ ''", "a": 1.0}${"\r\n\t"}${randomBytes(LONG).toString("base64")} `,
    steps: ["Step", "step"],
  };
}

/** Of all of Unicode: letters that are the same to some collations, and such as need four bytes. */
export function wideTexts(): TrialTexts {
  const wide = "É\u0045\u0301 ßſ İı 中文 שלום \u2028\ufffd 😀👩‍👩‍👧";
  return {
    scope: `${wide}1`,
    operation: `${wide}2`,
    key: "trial",
    input: `trial:${wide}`,
    response: `trial:"${wide}"`,
    steps: ["É", "E\u0301"],
  };
}

/** The texts, cut where the columns are: that those are short is another finding. */
export function fitting(
  texts: TrialTexts,
  { record: { columns: c }, step: { columns: s } }: Names,
  { record, step }: { readonly record: TableDescription; readonly step: TableDescription },
): TrialTexts {
  const cut = (text: string, column: string, { columns }: TableDescription) =>
    Array.from(text)
      .slice(0, lengthOf(columns.find(({ name }) => name === unquoted(column))))
      .join("");
  const stepResponse = cut(texts.response, s.response, step);
  const [one, other] = texts.steps;
  return {
    scope: cut(texts.scope, c.scope, record),
    operation: cut(texts.operation, c.operation, record),
    key: cut(texts.key, c.key, record),
    input: cut(texts.input, c.input, record),
    // Both tables get the same.
    response: cut(stepResponse, c.response, record),
    steps: [cut(one, s.name, step), cut(other, s.name, step)],
  };
}

function lengthOf(column: ColumnRow | undefined): number {
  const [, length] = /char.*?\((\d+)\)/i.exec(column?.type ?? "") ?? [];
  return length === undefined ? Infinity : Number(length);
}
