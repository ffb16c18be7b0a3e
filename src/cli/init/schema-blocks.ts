import { CliError } from "../cli-error.ts";

/** A block of a Prisma schema: `model User { ... }`. */
export interface Block {
  readonly keyword: string;
  readonly name: string;
  /** What stands between its braces, with spaces for comments. */
  readonly body: string;
}

const KEYWORDS: ReadonlySet<string> = new Set(["datasource", "generator", "model", "view", "type", "enum"]);

/** What a schema is made of, as far as the ends of blocks go by it. */
const TOKEN = /\/\/[^\n]*|\/\*[^]*?\*\/|"(?:[^"\\\n]|\\.)*"|[{}]|[\p{L}\p{N}_][\p{L}\p{N}_-]*|\s+|[^]/gu;

/**
 * Reads the blocks of a Prisma schema, of every version: what is within a block is a matter of Prisma's own.
 *
 * @throws CliError if the blocks do not begin and end as they should.
 */
export function blocksOf(text: string, file: string): Block[] {
  const tokens = tokensOf(text);
  const blocks: Block[] = [];
  const refuse = ({ line }: Token, reason: string) =>
    new CliError(`${file} is not a Prisma schema: in line ${line} ${reason}.`);
  let at = 0;
  const next = () => {
    while (tokens[at]?.text.trim() === "") {
      at += 1;
    }
    return tokens[at++];
  };
  for (let keyword = next(); keyword !== undefined; keyword = next()) {
    if (!KEYWORDS.has(keyword.text)) {
      throw refuse(keyword, `${keyword.text} stands where a block should begin`);
    }
    const name = next();
    if (name === undefined || next()?.text !== "{") {
      throw refuse(keyword, `begins a ${keyword.text} without a name or a brace`);
    }
    const end = endOf(tokens, at);
    if (end === undefined) {
      throw refuse(keyword, `begins the ${keyword.text} ${name.text}, and nothing ends it`);
    }
    const body = tokens.slice(at, end).map(({ text: token }) => token);
    blocks.push({ keyword: keyword.text, name: name.text, body: body.join("") });
    at = end + 1;
  }
  return blocks;
}

interface Token {
  readonly text: string;
  readonly line: number;
}

/** Without comments: they count as the space that they take. */
function tokensOf(text: string): Token[] {
  let line = 1;
  return Array.from(text.matchAll(TOKEN), ([token]) => {
    const begun = line;
    line += token.split("\n").length - 1;
    const isComment = token.startsWith("//") || token.startsWith("/*");
    return { text: isComment ? token.replaceAll(/[^\n]+/g, " ") : token, line: begun };
  });
}

/** Where the block ends whose brace stands before `begin`. */
function endOf(tokens: readonly Token[], begin: number): number | undefined {
  let depth = 1;
  for (let at = begin; at < tokens.length; at += 1) {
    const text = tokens[at]?.text;
    depth += text === "{" ? 1 : text === "}" ? -1 : 0;
    if (depth === 0) {
      return at;
    }
  }
  return undefined;
}

/** The texts that a property of a datasource has, or an attribute of a model: `provider = "x"`, `schemas = ["a", "b"]`, `@@map("x")`. */
export function textsOf({ body }: Block, property: "provider" | "schemas" | "@@map" | "@@schema"): string[] {
  const [, value = ""] =
    new RegExp(`^[ \\t]*${property}[ \\t]*[=(]\\s*(\\[[^\\]]*\\]|[^\\n]*)`, "m").exec(body) ?? [];
  return Array.from(value.matchAll(/"((?:[^"\\]|\\.)*)"/g), ([, text = ""]) => text);
}

/** The names of a model's fields. */
export const fieldsOf = ({ body }: Block): string[] =>
  Array.from(body.matchAll(/^[ \t]*(\w+)[ \t]+\S/gm), ([, field = ""]) => field);
