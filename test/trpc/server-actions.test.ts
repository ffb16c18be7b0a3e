import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createIdempotency } from "../../src/index.ts";
import { idempotencyMiddleware } from "../../src/trpc/index.ts";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import { t } from "./support.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openSqlite();
});
afterAll(() => db[Symbol.asyncDispose]());

/** What a client calls as a function: a procedure without a router. Called as `experimental_nextAppDirCaller` of tRPC does it. */
function place(options: { operation?: string; key?: (call: { input: unknown }) => string }) {
  let ran = 0;
  return t.procedure
    .experimental_caller(async ({ args: [input], invoke, _def }) =>
      invoke({
        type: _def.type,
        ctx: { user: "ada", prisma: db.prisma },
        getRawInput: async () => input,
        path: "",
        input,
        signal: undefined,
        batchIndex: 0,
      }),
    )
    .input(z.object({ key: z.string(), item: z.string() }))
    .use(
      idempotencyMiddleware({
        idempotency: createIdempotency({ prisma: db.prisma }),
        scope: "global",
        ...options,
      }),
    )
    .mutation(({ input }) => `${input.item} ${(ran += 1)}`);
}

const keyed = { key: ({ input }: { input: unknown }) => (input as { key: string }).key };

describe("a server action", () => {
  it("executes once for a key in its input, under the name of option operation", async () => {
    const action = place({ ...keyed, operation: "orders.place" });
    expect(await action({ key: "1", item: "lamp" })).toBe("lamp 1");
    expect(await action({ key: "1", item: "lamp" })).toBe("lamp 1");
    await expect(action({ key: "1", item: "desk" })).rejects.toThrow("with another input");
  });

  it("without a name is an error that names the option", async () => {
    const action = place(keyed);
    await expect(action({ key: "3", item: "lamp" })).rejects.toThrow(
      "this mutation has no path to be recorded under, as server actions have none; give its idempotencyMiddleware option operation",
    );
  });

  it("without a key is an error that names the option", async () => {
    const action = place({ operation: "orders.place" });
    await expect(action({ key: "4", item: "lamp" })).rejects.toThrow(
      "A mutation without a path needs an idempotency key: a server action has no header for it; give option key",
    );
  });
});
