/**
 * What people do wrong with clients, set-ups and servers, and the sentence that each mistake gets: what it is about, what was
 * found, what to do. The sentences stand here in full, so that whoever changes one sees it.
 */
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { idempotencyKeyOf, withIdempotency } from "../../src/http/index.ts";
import { createIdempotency, withAmbientTransaction } from "../../src/index.ts";
import { useIdempotencyKey } from "../../src/react/index.ts";
import { auditRouter, idempotencyMiddleware } from "../../src/trpc/index.ts";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import { pretending, request } from "../support/runs.ts";
import { type Context, t, app as trpcApp } from "../trpc/support.ts";
import { app as yogaApp } from "../yoga/support.ts";

let db: TestDatabase;
let other: TestDatabase;
beforeAll(async () => {
  db = await openSqlite();
  other = await openSqlite();
});
afterAll(async () => {
  await db[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
});

const idempotency = () => createIdempotency({ prisma: db.prisma });
const scope = () => "u";
const adapterNamed = (adapterName: string) =>
  pretending(db.prisma, { _engineConfig: { adapter: { adapterName, provider: "sqlite" } } });

/** The message of the answer to a keyed call of `place`. */
async function calling(options: object, context: Partial<Context> = {}, keyed = true): Promise<never> {
  const middleware = idempotencyMiddleware({ idempotency: idempotency(), scope, ...options });
  const router = t.router({ place: t.procedure.use(middleware as never).mutation(() => 1) });
  const { body } = await trpcApp(router, db.prisma, context).send("place", keyed ? { key: '"k"' } : {});
  throw new Error((JSON.parse(body) as { error: { message: string } }).error.message);
}

function Page() {
  useIdempotencyKey({ intent: 1 }).key();
  return null;
}

/** As a JavaScript user writes it, or one whose types say too little. */
const untyped = (value: unknown) => value as never;

const mistakes: [mistake: string, make: () => unknown, sentence: string][] = [
  [
    "prisma is no client",
    () => createIdempotency({ prisma: untyped({}) }),
    "onceonly: option prisma is of type object; give your generated PrismaClient, not one of its transactions.",
  ],
  [
    "prisma is a transaction",
    () => db.prisma.$transaction(async (tx) => createIdempotency({ prisma: untyped(tx) })),
    "onceonly: option prisma is a transaction of Prisma's; give your generated PrismaClient, not one of its transactions.",
  ],
  [
    "prisma is a client of Prisma 8",
    () => createIdempotency({ prisma: untyped({ transaction: () => {} }) }),
    "onceonly: option prisma is a client of Prisma 8, which this version does not know; use a client of Prisma 6.19 or 7.",
  ],
  [
    "the driver loses writes",
    () => createIdempotency({ prisma: adapterNamed("@prisma/adapter-d1") }),
    "onceonly: option prisma is a client over @prisma/adapter-d1, which cannot keep the promise: D1 has no transactions that a handler could run in; use @prisma/adapter-libsql or PostgreSQL.",
  ],
  [
    "another provider is given",
    () => createIdempotency({ prisma: db.prisma, provider: "postgresql" }),
    'onceonly: option prisma is a client over @prisma/adapter-libsql, whose database is "sqlite"; the provider is "postgresql". Leave option provider out, or make the client with the adapter of that database.',
  ],
  [
    "an option has a typo",
    () => createIdempotency(untyped({ prisma: db.prisma, retention: 5 })),
    "onceonly: there is no option retention; did you mean retentionMs?",
  ],
  [
    "a client that is none is to be ambient",
    () => withAmbientTransaction(untyped({ user: {} })),
    "onceonly: option (the first argument) is of type object; give your generated PrismaClient, not one of its transactions.",
  ],
  [
    "a client of another database is to join",
    () => idempotency().run(request("k"), ({ join }) => Promise.resolve(join(other.prisma))),
    "onceonly: the client is of another PrismaClient than the one given to createIdempotency, so its statements cannot be in this transaction; derive it from that one by $extends, or give this one to createIdempotency.",
  ],
  [
    "a handler commits",
    () => idempotency().run(request("k"), ({ tx }) => tx.$executeRawUnsafe("COMMIT")),
    "onceonly: the handler has tried to end its transaction itself, in raw SQL. That statement was not sent, nothing more is sent in this transaction, and nothing of it is committed. COMMIT and ROLLBACK are the run's: return to commit, throw to roll back; a $transaction inside the handler rolls back a part. If the text ends nothing, its quotes do not tell: send one statement at a time, and strings, backslashes and backticks as parameters.",
  ],
  [
    "tRPC: provide has a typo",
    () => calling({ provide: "prsima" }),
    'onceonly: option provide is "prsima", and the context holds no client under that name; did you mean "prisma"? Without the option, the handler finds its client as tx.',
  ],
  [
    "tRPC: provide holds a client of another database",
    () => calling({ provide: "prisma" }, { prisma: other.prisma }),
    'onceonly: what the context holds under the name of option provide, "prisma": the client is of another PrismaClient than the one given to createIdempotency, so its statements cannot be in this transaction; derive it from that one by $extends, or give this one to createIdempotency.',
  ],
  [
    "tRPC: provide holds no client",
    () => calling({ provide: "user" }),
    'onceonly: what the context holds under the name of option provide, "user": option (the argument of join) is of type string ("ada"); give your generated PrismaClient, not one of its transactions.',
  ],
  [
    "tRPC: idempotency is a function that gives none",
    () => calling({ idempotency: () => undefined }),
    "onceonly: option idempotency is of type undefined; give a function that returns what createIdempotency returned.",
  ],
  [
    "tRPC: the context has no request",
    () => calling({}, { req: undefined }),
    "place needs an idempotency key: the header Idempotency-Key is not read, as the context does not say which call it belongs to: return req and info from createContext, or give option request or key.",
  ],
  [
    "tRPC: no key is sent",
    () => calling({}, {}, false),
    "place needs an idempotency key: send the header Idempotency-Key; a call through createCaller or over a WebSocket has none of its own, and needs option key.",
  ],
  [
    "tRPC: the scope is that of nobody",
    () => calling({ scope: () => undefined }),
    "The scope of place is of type undefined; it must name who may share a key, for example the user's id.",
  ],
  [
    "tRPC: .output() stands before the middleware",
    async () => {
      const middleware = idempotencyMiddleware({ idempotency: idempotency(), scope });
      const early = t.procedure
        .output(z.number())
        .use(middleware)
        .mutation(() => 1);
      const { body } = await trpcApp(t.router({ early }), db.prisma).send("early", { key: '"k"' });
      throw new Error((JSON.parse(body) as { error: { message: string } }).error.message);
    },
    "onceonly: .output() of early stands before idempotencyMiddleware, so an output that fails its validation would be committed all the same; put .output() after .use().",
  ],
  [
    "tRPC: what is audited is no router",
    () => auditRouter(untyped({})),
    "onceonly: option router is of type object; give the router that the server was given.",
  ],
  [
    "HTTP: a leased handler has no name",
    () =>
      withIdempotency(untyped({ idempotency: idempotency(), scope, mode: "lease" }), () => new Response()),
    'onceonly: option operation is of type undefined; give a name such as "POST /payments", as a completer must find the handler of mode "lease" without a request.',
  ],
  [
    "HTTP: scope is missing",
    () => withIdempotency(untyped({ idempotency: idempotency() }), () => new Response()),
    'onceonly: option scope is of type undefined; give a function such as (request) => ..., or "global" spelt out.',
  ],
  [
    "HTTP: several keys in one header",
    () => idempotencyKeyOf('"a", "b"', "POST /payments"),
    "The Idempotency-Key header is a list of 2 keys, or was sent that often; send one key with one request.",
  ],
  [
    "HTTP: no key where one is needed",
    () => idempotencyKeyOf(undefined, "POST /payments"),
    "POST /payments needs an idempotency key: send the header Idempotency-Key, for example a UUID in double quotes.",
  ],
  [
    "HTTP: a handler of another framework's arguments",
    () => withIdempotency({ idempotency: idempotency(), scope }, () => new Response())(untyped({ body: {} })),
    "onceonly: the wrapped handler got a value of type object in place of a Request; call it with a Request, as fetch-style frameworks do.",
  ],
  [
    "Yoga: provide has a typo",
    async () => {
      // Yoga masks it otherwise, and logs it.
      const app = yogaApp(db, { provide: "prsima" }, { maskedErrors: false });
      const place = { query: 'mutation { place(item: "a") { id } }' };
      const { json } = await app.send(place, { "idempotency-key": '"k"' });
      throw new Error(json.errors[0].message);
    },
    'onceonly: option provide is "prsima", and the context holds no client under that name; did you mean "prisma"? Without the option, the handler finds its client as tx.',
  ],
  [
    "React: a key is asked for while a server renders",
    () => renderToString(createElement(Page)),
    "onceonly: key() of useIdempotencyKey was called on a server, where there is no window; call it in an event handler.",
  ],
];

test.each(mistakes)("%s", async (_, make, sentence) => {
  const error: unknown = await Promise.resolve()
    .then(make)
    .then(
      () => expect.fail("there was no error"),
      (thrown: unknown) => thrown,
    );
  expect((error as Error).message).toBe(sentence);
});
