import * as fc from "fast-check";
import { createYoga } from "graphql-yoga";
import { describe, expect, it } from "vitest";
import { DIRECTIVE_NAME, withDirective } from "../../src/yoga/request/directive.ts";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import { app, type Context, keyed, type Reply, readReply, schema, unmarked } from "./support.ts";

/** The same schema and the same directive, without the plugin. */
function withoutPlugin(db: TestDatabase): (body: object) => Promise<Reply> {
  const yoga = createYoga<object, Context>({
    schema: withDirective(schema, DIRECTIVE_NAME),
    logging: false,
    context: () => ({ user: "control", prisma: db.prisma }),
  });
  return async (body) =>
    readReply(
      await yoga.fetch("http://localhost/graphql", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
    );
}

const field = fc.constantFrom(
  `place(item: "a") @idempotent(key: "KEY") { item ...F }`,
  `place(item: $item) @idempotent(key: "KEY") { item }`,
  `place(item: "plain") { item }`,
  `placeStrict(item: "b") @idempotent(key: "KEY") { itself { total itself { item } } }`,
  `fail(code: "OUT_OF_STOCK") @idempotent(key: "KEY") { item }`,
  `fail(code: "CONFLICT") @idempotent(key: "KEY") { item }`,
  `failStrict(code: "OUT_OF_STOCK") @idempotent(key: "KEY") { item }`,
  `crash @idempotent(key: "KEY") { item }`,
  `place(item: "c") @idempotent(key: "KEY") { risky(code: "NO_RISK") item }`,
  `place(item: "d") @idempotent(key: "KEY") @include(if: $yes) { item }`,
  `place(item: "e") @idempotent(key: "KEY") @skip(if: $yes) { item }`,
  "__typename",
);

const wrapped = fc
  .tuple(
    field,
    fc.constantFrom(
      "",
      "... { FIELD }",
      "... on Mutation @include(if: $yes) { FIELD }",
      "... @skip(if: $yes) { FIELD }",
    ),
  )
  .map(([text, wrapper]) => (wrapper === "" ? text : wrapper.replace("FIELD", text)));

describe("an operation of several root fields", () => {
  it("answers what the executor alone answers, each field with a key of its own, at first and replayed", async () => {
    await using db = await openSqlite();
    const { send } = app(db, { requireKey: false });
    const control = withoutPlugin(db);
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(wrapped, { minLength: 1, maxLength: 6 }), async (fields) => {
        run += 1;
        const selections = fields.map((text, index) =>
          text
            .replace(/(place|placeStrict|fail|failStrict|crash|__typename)\b/, `f${index}: $1`)
            .replace("KEY", `KEY-${index}`),
        );
        const query = `mutation ($yes: Boolean = true, $item: String = "default") {
          z: place(item: "first") @idempotent(key: "KEY") { item }
          ${selections.join("\n")}
          used: place(item: $item) @include(if: $yes) { item }
        } fragment F on Order { note }
          mutation Other { attempt place(item: "x") { ...F } }`
          .replaceAll("KEY", `${run}`)
          .replace("mutation (", "mutation Main (");
        const body = { query, operationName: "Main" };
        const expected = await control(body);
        const [first, second] = [await send(body), await send(body)];
        expect(unmarked(first)).toBe(expected.text);
        expect(second.json.data).toEqual(first.json.data);
        expect(second.json.errors).toEqual(first.json.errors);
      }),
      { numRuns: 60 },
    );
  });

  it("answers the same with one key for all, as long as no error is unexpected", async () => {
    await using db = await openSqlite();
    const { send } = app(db);
    const control = withoutPlugin(db);
    let run = 0;
    const oneKey = wrapped.filter((text) => !/CONFLICT|crash/.test(text));
    await fc.assert(
      fc.asyncProperty(fc.array(oneKey, { minLength: 1, maxLength: 6 }), async (fields) => {
        const selections = fields.map((text, index) =>
          text
            .replace(/(place|placeStrict|fail|failStrict|__typename)\b/, `f${index}: $1`)
            .replace(/@idempotent\(.*?\)/, ""),
        );
        const query = `mutation ($yes: Boolean = true, $item: String = "default") {
          ${selections.join("\n")}
          used: place(item: $item) @include(if: $yes) { item ...F }
        } fragment F on Order { note }`;
        run += 1;
        const body = keyed(query, `${run}`);
        const expected = await control(body);
        const [first, second] = [await send(body), await send(body)];
        expect(unmarked(first)).toBe(expected.text);
        expect(unmarked(second)).toBe(expected.text);
      }),
      { numRuns: 40 },
    );
  });
});
