import { createSchema, createYoga } from "graphql-yoga";
import { describe, expect, test } from "vitest";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { withIdempotency } from "../../src/http/index.ts";
import { consumeOnce } from "../../src/messages/index.ts";
import { idempotencyMiddleware } from "../../src/trpc/index.ts";
import { useIdempotency } from "../../src/yoga/index.ts";
import { databases } from "../support/database.ts";
import { records } from "../support/runs.ts";
import { app, type Context, t } from "../trpc/support.ts";

describe.each(databases)("one key of one user, in all adapters of one application on $name,", ({ open }) => {
  test("names a record of each: the adapter is part of the operation's default name", async () => {
    await using db = await open();
    const idempotency = createIdempotency({ prisma: db.prisma });
    const ran: string[] = [];
    const go = (by: string) => () => {
      ran.push(by);
      return by;
    };
    const headers = { "idempotency-key": '"k"', "content-type": "application/json" };
    const post = (url: string, body: string) => new Request(url, { method: "POST", headers, body });

    const idempotent = idempotencyMiddleware({ idempotency, scope: ({ ctx }: { ctx: Context }) => ctx.user });
    const trpc = app(t.router({ go: t.procedure.use(idempotent).mutation(go("trpc")) }), db.prisma);
    const yoga = createYoga({
      schema: createSchema({
        typeDefs: "type Query { a: String } type Mutation { go: String }",
        resolvers: { Mutation: { go: go("yoga") } },
      }),
      plugins: [useIdempotency({ idempotency, scope: () => "ada" })],
      logging: false,
    });
    const http = withIdempotency({ idempotency, scope: () => "ada" }, async () => new Response(go("http")()));
    const consume = consumeOnce({ idempotency, consumer: "go", id: (id: string) => id })(async () => {
      ran.push("messages");
    });

    for (let time = 0; time < 2; time += 1) {
      const query = JSON.stringify({ query: "mutation { go }" });
      const answers = [
        await trpc.send("go", { key: '"k"' }),
        await yoga.fetch(post("http://test/graphql", query)),
        await http(post("http://test/go", "{}")),
      ];
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      await consume("k");
    }
    expect(ran).toEqual(["trpc", "yoga", "http", "messages"]);
    const named = (await records(db)).map(({ scope, operation }) => `${String(scope)}: ${String(operation)}`);
    expect(named.sort()).toEqual([
      "ada: POST /go",
      "ada: go",
      "ada: mutation",
      expect.stringMatching(/: go$/),
    ]);
  });
});
