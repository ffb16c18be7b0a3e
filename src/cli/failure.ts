import { readFileSync } from "node:fs";
import { parseEnv, stripVTControlCharacters } from "node:util";
import type { AnyIdempotencyError } from "../core/contract/errors/errors.ts";
import { isIdempotencyError } from "../core/contract/errors/errors.ts";
import { CliError } from "./cli-error.ts";
import { shown } from "./terminal/text.ts";

/** Why a command gave no answer, in one line. */
export function failureOf(error: unknown): string {
  if (error instanceof CliError) {
    return shown(error.message);
  }
  return isIdempotencyError(error) ? idempotencyFailure(error) : sentenceOf(error);
}

/** The message of any error, in one line that ends like a sentence. */
export function sentenceOf(error: unknown): string {
  const { message, name } = (error instanceof Error ? error : { message: String(error), name: "Error" }) as {
    readonly message: string;
    readonly name: string;
  };
  // What the library says of options stands after its name, and so does this.
  const line = stripVTControlCharacters(message || name)
    .trim()
    .replace(/^onceonly: /, "");
  const sentence = shown(line.replaceAll(/\s+/g, " ")).slice(0, 1_000);
  return /[.!?:]$/.test(sentence) ? sentence : `${sentence}.`;
}

/** The errors of the library speak to a client that may retry; here somebody asks who may see the words of the database. */
function idempotencyFailure(error: AnyIdempotencyError): string {
  switch (error.code) {
    case "STORE_UNAVAILABLE":
      return `The database did not answer: ${causeOf(error)}${unreadEnv()}`;
    case "STORE_MISCONFIGURED":
      return `${setUpFailureOf(error)} \`onceonly check\` says what to do.`;
    default:
      return sentenceOf(error);
  }
}

/** Why the database cannot be used at all. */
export function setUpFailureOf(error: AnyIdempotencyError): string {
  return `The database cannot be used: ${causeOf(error)}${unreadEnv()}`;
}

/** A hint at variables that stand in `.env` and nobody has read: Prisma 7 does not, nor does Node.js. */
function unreadEnv(): string {
  try {
    const names = Object.keys(parseEnv(readFileSync(".env", "utf8")));
    const unset = names.find((name) => process.env[name] === undefined);
    return unset === undefined ? "" : ` ${unset} is not set, and stands in .env: --env .env reads it.`;
  } catch {
    return "";
  }
}

/** The innermost words: what is around them tells which call of Prisma it was. */
function causeOf(error: unknown): string {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) {
    inner = inner.cause;
  }
  const said = sentenceOf(inner);
  // So Prisma wraps what a driver has said.
  const [, words] = /Raw query failed\..* Message: `(.+)`\.$/.exec(said) ?? [];
  return words === undefined ? said : sentenceOf(words);
}
