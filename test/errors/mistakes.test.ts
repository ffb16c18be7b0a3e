/**
 * What people do wrong with clients, set-ups and servers, and the sentence that each mistake gets: what it is about, what was
 * found, what to do. The sentences stand here in full, so that whoever changes one sees it.
 */
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { httpCompleter, idempotencyKeyOf, withIdempotency } from "../../src/http/index.ts";
import { createCompleter, createIdempotency, withAmbientTransaction } from "../../src/index.ts";
import { consumeOnce } from "../../src/messages/index.ts";
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
const storing = () => createIdempotency({ prisma: db.prisma, storeInput: true });
const scope = () => "u";
/** A leased handler that takes an argument. */
const leased = (over = storing()) =>
  withIdempotency(
    { idempotency: over, scope, mode: "lease", operation: "POST /x" },
    (_request, _context, { user }: { user: string }) => Response.json(user),
  );
const consuming = (id: (message: object) => string, handler: () => Promise<unknown> = async () => 1) =>
  consumeOnce({ idempotency: idempotency(), consumer: "hooks", id })(handler)({});
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

// Members that no type has.
type Any = any;

class PrismaService {
  readonly order = {};
}

/** As a JavaScript user writes it, or one whose types say too little. */
const untyped = (value: unknown) => value as never;

const mistakes: [mistake: string, make: () => unknown, sentence: string][] = [
  [
    "prisma is no client",
    () => createIdempotency({ prisma: untyped({}) }),
    "onceonly: option prisma is of type object without members; give your generated PrismaClient, not one of its transactions.",
  ],
  [
    "prisma is the class",
    () => createIdempotency({ prisma: untyped(PrismaService) }),
    "onceonly: option prisma is the class PrismaService; give an instance, such as new PrismaService().",
  ],
  [
    "prisma has another name",
    () => createIdempotency(untyped({ client: db.prisma })),
    "onceonly: option prisma is missing, and there is no option client; did you mean prisma?",
  ],
  [
    "an option is like none",
    () => idempotency().run(untyped({ operation: "o", colour: 1 }), async () => 1),
    "onceonly: option key and option scope are missing, and there is no option colour; there are operation (required), key (required), scope (required), retentionMs, onDuplicate, waitMs, waitersMax, scopeWaitersMax, allWaitersMax, transaction, outageMs, leaseMs, storeInput, retryConflicts, resultBytesMax, storeError, errors, errorClasses, codec, redact, eventKeys, input, storedInput, isRetry.",
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
    "onceonly: option (the first argument) is of type object (with user); give your generated PrismaClient, not one of its transactions.",
  ],
  [
    "a client of another database is to join",
    () => idempotency().run(request("k"), ({ join }) => Promise.resolve(join(other.prisma))),
    "onceonly: the client is of another PrismaClient than the one given to createIdempotency, so its statements cannot be in this transaction; derive it from that one by $extends, or give this one to createIdempotency.",
  ],
  [
    "run without a handler",
    () => idempotency().run(request("k"), untyped(undefined)),
    "onceonly: option (the handler) is of type undefined; give a function such as async ({ tx }) => { ... }.",
  ],
  [
    "a leased run without a handler",
    () => idempotency().runLeased(request("k"), untyped({})),
    "onceonly: option (the handler) is of type object; give a function such as async ({ step, transaction }) => { ... }.",
  ],
  [
    "tx in mode lease",
    () =>
      idempotency().runLeased(
        request("tx"),
        untyped(async ({ tx }: Any) => tx.order.count()),
      ),
    'onceonly: a handler in mode lease has no tx, as it runs in no transaction; write in one that is recorded: transaction("book", ({ tx }) => ...).',
  ],
  [
    "join in mode lease",
    () =>
      idempotency().runLeased(
        request("join"),
        untyped(async ({ join }: Any) => join(db.prisma)),
      ),
    'onceonly: a handler in mode lease has no join, as it runs in no transaction; write in one that is recorded: transaction("book", ({ join }) => ...).',
  ],
  [
    "afterCommit in mode lease, without a key",
    () => idempotency().runLeasedUnkeyed(untyped(async ({ afterCommit }: Any) => afterCommit(() => {}))),
    "onceonly: a handler in mode lease has no afterCommit, as it runs in no transaction; do it in a step, after the one that it must follow.",
  ],
  [
    "step in mode transaction",
    () =>
      idempotency().run(
        request("step"),
        untyped(async ({ step }: Any) => step("a", () => 1)),
      ),
    "onceonly: a handler in mode transaction has no step, as all of it is one transaction; write through tx, and use mode lease (runLeased) for calls to other services.",
  ],
  [
    "transaction in mode transaction, without a key",
    () => idempotency().runUnkeyed(untyped(async ({ transaction }: Any) => transaction("a", () => 1))),
    "onceonly: a handler in mode transaction has no transaction, as all of it is one transaction; write through tx, and use mode lease (runLeased) for calls to other services.",
  ],
  [
    "a completer over what does not store inputs",
    () => createCompleter({ idempotency: idempotency(), handlers: { a: async () => 1 } }),
    "onceonly: option idempotency was made without storeInput: true, and a completer executes runs from their stored input; give createIdempotency({ prisma, storeInput: true }), to the completer and to those who run.",
  ],
  [
    "a completer over a client",
    () => createCompleter({ idempotency: untyped(db.prisma), handlers: { a: async () => 1 } }),
    "onceonly: option idempotency is a Prisma client; give what createIdempotency({ prisma, storeInput: true }) returned.",
  ],
  [
    "a completer gets its handlers as an array",
    () => createCompleter({ idempotency: storing(), handlers: untyped([leased()]) }),
    'onceonly: option handlers is of type array; give an object such as { "orders.place": placeOrder }.',
  ],
  [
    "a completer gets a handler of withIdempotency",
    () => createCompleter({ idempotency: storing(), handlers: untyped({ a: leased() }) }),
    'onceonly: option handlers["a"] is what withIdempotency returned, which takes a request; give it to httpCompleter.',
  ],
  [
    "a completer is stopped by a number",
    () => createCompleter({ idempotency: storing(), handlers: { a: async () => 1 } }).stop(untyped(5000)),
    "onceonly: option (the argument of stop) is of type number (5000); give an object such as { timeoutMs: 5000 }.",
  ],
  [
    "a completer is stopped with an option that does not exist",
    () =>
      createCompleter({ idempotency: storing(), handlers: { a: async () => 1 } }).stop(
        untyped({ timeout: 1 }),
      ),
    "onceonly: there is no option timeout; did you mean timeoutMs?",
  ],
  [
    "HTTP: a completer without createArg, for a handler that takes an argument",
    () => {
      const over = storing();
      return httpCompleter({ idempotency: over, handlers: [leased(over)] } as never);
    },
    "onceonly: option createArg is of type undefined; give a function such as ({ scope }) => ({ user: { id: scope } }): the handler of POST /x takes a third argument.",
  ],
  [
    "HTTP: a completer gets the option of tRPC's",
    () => {
      const over = storing();
      return httpCompleter({ idempotency: over, handlers: [leased(over)], createContext: () => 1 } as never);
    },
    "onceonly: there is no option createContext; did you mean createArg?",
  ],
  [
    "HTTP: a completer over another idempotency than its handler",
    () => httpCompleter({ idempotency: storing(), handlers: [leased()], createArg: () => 1 } as never),
    "onceonly: option idempotency is another one than the handler of POST /x was given; give both the same.",
  ],
  [
    "messages: an option has the words of another order",
    () => consumeOnce(untyped({ idempotency: idempotency(), consumer: "c", id: () => "1", maxAttempts: 3 })),
    "onceonly: there is no option maxAttempts; did you mean attemptsMax?",
  ],
  [
    "messages: the id is called key",
    () => consumeOnce(untyped({ idempotency: idempotency(), consumer: "c", key: () => "1" })),
    "onceonly: option id is missing, and there is no option key; did you mean id?",
  ],
  [
    "messages: an option is like none",
    () => consumeOnce(untyped({ idempotency: idempotency(), consumer: "c", id: () => "1", colour: 1 })),
    "onceonly: there is no option colour; there are idempotency (required), consumer (required), id (required), retentionMs, onDuplicate, waitMs, waitersMax, scopeWaitersMax, allWaitersMax, transaction, outageMs, leaseMs, storeInput, retryConflicts, resultBytesMax, storeError, errors, errorClasses, codec, redact, eventKeys, input, onPoison, attemptsMax, deliveries, mode.",
  ],
  [
    "messages: idempotency is a client",
    () => consumeOnce({ idempotency: untyped(db.prisma), consumer: "c", id: () => "1" }),
    "onceonly: option idempotency is a Prisma client; give what createIdempotency returned.",
  ],
  [
    "messages: idempotency is an object of something else",
    () => consumeOnce({ idempotency: untyped({ a: 1, b: 2, c: 3, d: 4 }), consumer: "c", id: () => "1" }),
    "onceonly: option idempotency is of type object (with a, b, c, ...); give what createIdempotency returned.",
  ],
  [
    "createIdempotency: prisma is what it returned before",
    () => createIdempotency({ prisma: untyped(idempotency()) }),
    "onceonly: option prisma is what createIdempotency returned; give your generated PrismaClient, not one of its transactions.",
  ],
  [
    "an option is given, and again with a typo",
    () => createIdempotency(untyped({ prisma: db.prisma, waitMs: 5, waitMS: 6 })),
    "onceonly: there is no option waitMS; did you mean waitMs?",
  ],
  [
    "messages: the id is a number",
    () => consuming(() => untyped(7)),
    "The id of a message for hooks is of type number (7); have option id return a string, for example String(message.id). Option onPoison takes such messages.",
  ],
  [
    "messages: the id is a number that JSON.parse has rounded",
    () => consuming(() => untyped(2 ** 53)),
    "The id of a message for hooks is of type number (9007199254740992); JSON.parse rounds such a number, and another message may get the same: read the id from the text or from a header. Option onPoison takes such messages.",
  ],
  [
    "messages: the id is async",
    () => consuming(untyped(async () => "1")),
    "onceonly: option id returned a promise; give a function that answers at once, without await.",
  ],
  [
    "messages: the handler returns a Response that failed",
    () =>
      consuming(
        () => "1",
        async () => new Response(null, { status: 500 }),
      ),
    "onceonly: the handler of hooks returned a Response with the status 500, which nobody is sent; throw to have the message delivered again, and return nothing when it is consumed.",
  ],
  [
    "a handler commits",
    () => idempotency().run(request("k"), ({ tx }) => tx.$executeRawUnsafe("COMMIT")),
    "onceonly: the handler has tried to end its transaction itself, in raw SQL. That statement was not sent, nothing more is sent in this transaction, and nothing of it is committed. COMMIT and ROLLBACK are the run's: return to commit, throw to roll back; a $transaction inside the handler rolls back a part. If the text ends nothing, its quotes do not tell: send one statement at a time, and strings, backslashes and backticks as parameters. On MariaDB, DDL such as ALTER or TRUNCATE, and LOCK TABLES, commit by themselves: keep them out of handlers.",
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
    'onceonly: what the context holds under the name of option provide, "user": that value is of type string ("ada"); give your generated PrismaClient, not one of its transactions.',
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
    "tRPC: step in mode transaction",
    async () => {
      const middleware = idempotencyMiddleware({ idempotency: idempotency(), scope });
      const place = t.procedure
        .use(middleware)
        .mutation(({ ctx }: Any) => ctx.idempotency.step("charge", () => 1));
      const { body } = await trpcApp(t.router({ place }), db.prisma).send("place", { key: '"k-step"' });
      throw new Error((JSON.parse(body) as { error: { message: string } }).error.message);
    },
    "onceonly: a handler in mode transaction has no step, as all of it is one transaction; write through tx, and use mode lease (runLeased) for calls to other services.",
  ],
  [
    "tRPC: option key gives nothing",
    () => calling({ key: () => undefined }, {}, false),
    "place needs an idempotency key: option key returned nothing, and the request carries no key of its own; have option key return a string.",
  ],
  [
    "tRPC: idempotency is a client",
    () => calling({ idempotency: db.prisma }),
    "onceonly: option idempotency is a Prisma client; give what createIdempotency returned, or a function that gives it.",
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
    "HTTP: option key gives nothing",
    async () => {
      const handle = withIdempotency(
        { idempotency: idempotency(), scope, key: () => undefined },
        () => new Response(),
      );
      const response = await handle(new Request("http://shop.test/hooks", { method: "POST" }));
      throw new Error(((await response.json()) as { detail: string }).detail);
    },
    "POST /hooks needs an idempotency key: option key returned nothing, and the request carries no key of its own; have option key return a string.",
  ],
  [
    "HTTP: the handler is called without the argument that scope takes",
    () =>
      withIdempotency(
        { idempotency: idempotency(), scope: (_, { user }: Any) => user },
        () => new Response(),
      )(
        new Request("http://shop.test/hooks", { method: "POST", headers: { "idempotency-key": "k" } }),
        untyped(undefined),
      ),
    "onceonly: the wrapped handler was called without a second argument, which option scope takes; pass on what the framework gives: (request, context) => handler(request, context).",
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
    "Yoga: option key gives nothing",
    async () => {
      const app = yogaApp(db, { key: () => undefined }, { maskedErrors: false });
      const { json } = await app.send({ query: 'mutation { place(item: "a") { id } }' });
      throw new Error(json.errors[0].message);
    },
    "place needs an idempotency key: option key returned nothing, and the request carries no key of its own; have option key return a string.",
  ],
  [
    "React: a key is asked for while a server renders",
    () => renderToString(createElement(Page)),
    "onceonly: key() of useIdempotencyKey was called on a server, where there is no window; call it in an event handler.",
  ],
];

test("what a handler lacks in its mode is no member of its context", async () => {
  const seen: unknown[] = [];
  const look = async (context: object) => {
    seen.push("tx" in context, "step" in context, Object.keys({ ...context }).includes("step"));
  };
  await idempotency().run(request("look"), look);
  await idempotency().runLeased(request("look leased"), look);
  expect(seen).toEqual([true, false, false, false, true, true]);
});

test.each(mistakes)("%s", async (_, make, sentence) => {
  const error: unknown = await Promise.resolve()
    .then(make)
    .then(
      () => expect.fail("there was no error"),
      (thrown: unknown) => thrown,
    );
  expect((error as Error).message).toBe(sentence);
});
