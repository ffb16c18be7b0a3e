import { buildSchema, GraphQLError } from "graphql";
import { describe, expect, it } from "vitest";
import type { Store } from "../../src/core/contract/store.ts";
import { idempotencyOver } from "../../src/core/create.ts";
import { auditSchema, isExpectedError, useIdempotency } from "../../src/yoga/index.ts";

// Complete, but over no database: nothing is executed here.
const idempotency = idempotencyOver({} as Store<unknown>);
const scope = "global";

describe("useIdempotency refuses", () => {
  it.each([
    [undefined, "(the first argument)"],
    [{ scope }, "idempotency"],
    [{ idempotency: {}, scope }, "idempotency"],
    [{ idempotency }, "scope"],
    [{ idempotency, scope: "tenant" }, "scope"],
    [{ idempotency, scope: 5 }, "scope"],
    [{ idempotency, scope, provide: "" }, "provide"],
    [{ idempotency, scope, provide: "idempotency" }, "provide"],
    [{ idempotency, scope, provide: "prisma", mode: "lease" }, "provide"],
    [{ idempotency, scope, mode: "saga" }, "mode"],
    [{ idempotency, scope, storeInput: true }, "storeInput"],
    [{ idempotency, scope, storeInput: false }, "storeInput"],
    [{ idempotency, scope, key: "x" }, "key"],
    [{ idempotency, scope, requireKey: "all" }, "requireKey"],
    [{ idempotency, scope, requireKey: null }, "requireKey"],
    [{ idempotency, scope, require: "none" }, "require"],
    [{ idempotency, scope, storeError: true }, "storeError"],
    [{ idempotency, scope, waitMs: "3s" }, "waitMs"],
    [{ idempotency, scope, onDuplicate: "fail" }, "onDuplicate"],
  ])("%o, naming the option %s and the remedy", (options, name) => {
    const construct = () => useIdempotency(options as never);
    expect(construct).toThrow(TypeError);
    expect(construct).toThrow(new RegExp(`option ${name.replace(/[()]/g, "\\$&")} is of type .+; give .+`));
  });

  it("nothing that is right", () => {
    const options = {
      idempotency,
      scope: () => 1n,
      key: () => null,
      requireKey: () => true,
    } as const;
    expect(() =>
      useIdempotency({ ...options, provide: "db", storeError: () => true, waitMs: 5 }),
    ).not.toThrow();
    expect(() =>
      useIdempotency({ ...options, provide: "db", mode: () => "lease", leaseMs: 60_000 }),
    ).not.toThrow();
    expect(() => useIdempotency({ ...options, mode: "lease" })).not.toThrow();
  });
});

describe("auditSchema", () => {
  const schema = buildSchema("type Query { a: Int } type Mutation { b: Int a: Int c: Int }");

  it("lists the root fields in the order of the schema", () => {
    expect(auditSchema(schema)).toEqual([
      { field: "b", keyRequired: true },
      { field: "a", keyRequired: true },
      { field: "c", keyRequired: true },
    ]);
    expect(auditSchema(schema, { requireKey: false }).some(({ keyRequired }) => keyRequired)).toBe(false);
    expect(
      auditSchema(schema, { requireKey: ({ rootFields }) => rootFields.includes("a") }).filter(
        ({ keyRequired }) => keyRequired,
      ),
    ).toEqual([{ field: "a", keyRequired: true }]);
  });

  it.each([
    [{ requireKey: "all" }, "option requireKey"],
    [{ require: "all" }, "option requireKey instead"],
    [{ requireKey: () => undefined }, "a function that returns true or false"],
  ])("refuses %o", (options, message) => {
    expect(() => auditSchema(schema, options as never)).toThrow(message);
  });

  it("is empty for a schema without mutations", () => {
    expect(auditSchema(buildSchema("type Query { a: Int }"))).toEqual([]);
  });
});

describe("isExpectedError", () => {
  it.each([
    [{ code: "OUT_OF_STOCK" }, true],
    [{ code: "BAD_USER_INPUT", http: { status: 422 } }, true],
    [{ http: { status: 404 } }, true],
    [{}, false],
    [{ http: {} }, false],
    [{ code: 404 }, false],
    [{ code: "OUT_OF_STOCK", unexpected: true }, false],
    [{ code: "SERVICE_UNAVAILABLE", http: { status: 422 } }, false],
    [{ code: "OUT_OF_STOCK", http: { status: 503 } }, false],
    [{ http: { status: 401 } }, false],
  ])("of %o is %s", (extensions, expected) => {
    expect(isExpectedError(new GraphQLError("x", { extensions }))).toBe(expected);
  });
});
