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
    [{ idempotency, scope, require: "some" }, "require"],
    [{ idempotency, scope, require: true }, "require"],
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
      require: () => true,
    } as const;
    expect(() =>
      useIdempotency({ ...options, provide: "db", storeError: () => true, waitMs: 5 }),
    ).not.toThrow();
    expect(() =>
      useIdempotency({ ...options, provide: "db", mode: () => "lease", leaseMs: 100 }),
    ).not.toThrow();
    expect(() => useIdempotency({ ...options, mode: "lease" })).not.toThrow();
  });
});

describe("auditSchema", () => {
  const schema = buildSchema("type Query { a: Int } type Mutation { b: Int a: Int c: Int }");

  it("lists the root fields in the order of the schema", () => {
    expect(auditSchema(schema)).toEqual([
      { field: "b", keyRequired: false },
      { field: "a", keyRequired: false },
      { field: "c", keyRequired: false },
    ]);
    expect(auditSchema(schema, { require: "all" }).every(({ keyRequired }) => keyRequired)).toBe(true);
    expect(
      auditSchema(schema, { require: ({ rootFields }) => rootFields.includes("a") }).filter(
        ({ keyRequired }) => keyRequired,
      ),
    ).toEqual([{ field: "a", keyRequired: true }]);
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
