import { afterAll, beforeAll, expect, it } from "vitest";
import { preconditionFailed } from "../../src/http/index.ts";
import { createIdempotency, IdempotencyError } from "../../src/index.ts";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import { app, place, read, requestOf } from "./support.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openSqlite();
});
afterAll(() => db[Symbol.asyncDispose]());

let keys = 0;
const newKey = () => `"k${(keys += 1)}"`;
const toldOf = ({ headers }: { headers: Headers }) => headers.get("idempotency-outcome");

const own = (status: number, headers?: HeadersInit) => async () =>
  new Response(null, { status, ...(headers && { headers }) });

it.each([
  [201, "stored"],
  [302, "stored"],
  [422, "stored"],
  [409, "released"],
  [412, "released"],
  [423, "released"],
  [500, "released"],
])("an answer of %i tells that it is %s, and so does a retry", async (status, outcome) => {
  const { send } = app(db.prisma, own(status));
  const key = newKey();
  const [first, second] = [await send({ key }), await send({ key })];
  expect([toldOf(first), toldOf(second)]).toEqual([outcome, outcome]);
  expect([first.replayed, second.replayed]).toEqual([false, outcome === "stored"]);
});

it("option outcome decides what is told, also of a success", async () => {
  const { send } = app(db.prisma, own(202), { outcome: () => "release" });
  expect(toldOf(await send({ key: newKey() }))).toBe("released");
  const storing = app(db.prisma, own(503), { outcome: () => "store" });
  expect(toldOf(await storing.send({ key: newKey() }))).toBe("stored");
});

it("a problem tells it too", async () => {
  const { send } = app(db.prisma, place);
  const key = newKey();
  await send({ key, body: "a" });
  expect(toldOf(await send({ key, body: "b" }))).toBe("refused");
  expect(toldOf(await send({ key: '"' }))).toBe("released");
  const small = app(db.prisma, place, { bodyBytesMax: 1 });
  expect(toldOf(await small.send({ key: newKey(), body: "too long" }))).toBe("released");
  expect(toldOf(await app(db.prisma, place, { scope: () => "" }).send({ key: newKey() }))).toBe("released");
  expect(toldOf(await app(db.prisma, () => preconditionFailed()).send({ key: newKey() }))).toBe("released");

  const rejecting = app(
    db.prisma,
    async () => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      return new Response();
    },
    { onDuplicate: "reject" },
  );
  const busy = newKey();
  const both = await Promise.all([rejecting.send({ key: busy }), rejecting.send({ key: busy })]);
  expect(new Set(both.map(toldOf))).toEqual(new Set(["released", "stored"]));
});

it("of a record that cannot be read nothing is told, as it is neither", async () => {
  const key = newKey();
  const codec = (name: string) => ({ name, encode: JSON.stringify, decode: JSON.parse });
  const [one, other] = ["one", "other"].map((name) =>
    app(db.prisma, own(201), { idempotency: createIdempotency({ prisma: db.prisma, codec: codec(name) }) }),
  );
  await one?.send({ key });
  const unreadable = await other?.send({ key });
  expect([unreadable?.status, unreadable && toldOf(unreadable)]).toEqual([500, null]);
});

it("an error of another run, which the handler threw, says nothing about this key", async () => {
  const reused = new IdempotencyError("KEY_REUSED", "of another", { operation: "other" });
  const { send } = app(db.prisma, () => Promise.reject(reused));
  const answer = await send({ key: newKey() });
  expect([answer.status, toldOf(answer)]).toEqual([422, "released"]);
});

it("nothing is told where there is no key", async () => {
  const optional = app(db.prisma, own(201), { requireKey: false });
  expect(toldOf(await optional.send({ key: null }))).toBeNull();
  expect(toldOf(await app(db.prisma, own(201)).send({ key: null }))).toBeNull();
  expect(toldOf(await optional.send({ key: newKey(), method: "PUT" }))).toBeNull();
});

it("what the handler passes on from another server is not told as ours", async () => {
  const upstream = { "idempotency-outcome": "stored", "idempotent-replayed": "true" };
  const { send } = app(db.prisma, own(503, upstream));
  const answer = await send({ key: newKey() });
  expect([toldOf(answer), answer.replayed]).toEqual(["released", false]);
});

it("responses whose headers cannot be changed tell it as well", async () => {
  const { handle } = app(db.prisma, async () => fetch("data:text/plain,no"), { outcome: () => "release" });
  const answer = await read(await handle(requestOf({ key: newKey() })));
  expect([answer.text, toldOf(answer)]).toEqual(["no", "released"]);
});
