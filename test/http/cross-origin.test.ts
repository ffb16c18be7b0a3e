/** A page of another origin can read what the first answer let it read: replays and problems too. And records that are none. */
import { describe, expect, it } from "vitest";
import { databases } from "../support/database.ts";
import { warningsDuring } from "../support/runs.ts";
import { keyed, app as yogaApp } from "../yoga/support.ts";
import { app, codeIn, place, problemIn } from "./support.ts";

const ORIGIN = "https://shop.example.com";
const cors = {
  "access-control-allow-credentials": "true",
  "access-control-allow-origin": ORIGIN,
  "access-control-expose-headers": "location",
  "cache-control": "no-store",
  link: '</orders/1>; rel="self"',
  vary: "origin",
};

describe.each(databases)("across origins, on $name", ({ open }) => {
  it("replays the headers that say who may read and keep the answer", async () => {
    await using db = await open();
    const { send } = app(db.prisma, async () => new Response(null, { status: 204, headers: cors }));
    const [first, replay] = [await send(), await send()];
    const told = { ...cors, "idempotency-outcome": "stored" };
    expect(Object.fromEntries(first.headers)).toEqual(told);
    expect(Object.fromEntries(replay.headers)).toEqual({ ...told, "idempotent-replayed": "true" });
  });

  it("gives problems the headers of option problemHeaders, and keeps their own", async () => {
    await using db = await open();
    const own = { "Access-Control-Allow-Origin": ORIGIN, "Content-Type": "text/plain" };
    for (const problemHeaders of [own, () => own]) {
      const answer = await app(db.prisma, place, { problemHeaders }).send({ key: null });
      expect(problemIn(answer)["code"]).toBe("KEY_MISSING");
      expect(answer.headers.get("access-control-allow-origin")).toBe(ORIGIN);
    }
    const byRequest = app(db.prisma, place, {
      problemHeaders: ({ headers }) => ({ "access-control-allow-origin": headers.get("origin") ?? "none" }),
    });
    const answer = await byRequest.send({ key: null, headers: { origin: ORIGIN } });
    expect(answer.headers.get("access-control-allow-origin")).toBe(ORIGIN);
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("boom");
      },
    ],
    ["rejects", (async () => Promise.reject(new Error("boom"))) as never],
    ["names what is no header", () => ({ "no header": "1" })],
  ])("answers a problem though problemHeaders %s, with a warning", async (_, problemHeaders) => {
    await using db = await open();
    const { send } = app(db.prisma, place, { problemHeaders });
    const warnings = await warningsDuring(async () => {
      expect(codeIn(await send({ key: null }))).toEqual([400, "KEY_MISSING"]);
    });
    expect(warnings.map(({ name }) => name)).toEqual(["OnceonlyHttpWarning"]);
  });
});

describe.each(databases)("a stored answer that somebody has changed, on $name", ({ open, name }) => {
  const rewrite = (from: string, to: string) =>
    `UPDATE idempotency_record SET response = replace(response, '${from}', '${to}')`;

  it.each([
    ["another status", "201", "999"],
    ["no list of headers", '"headers":3', '"headers":1'],
    ["no body", '"body":', '"corpse":'],
    ["no response", "devalue:[", "devalue:[5,"],
  ])("is unreadable over HTTP, and executes nothing: %s", async (_, from, to) => {
    await using db = await open();
    const { send } = app(db.prisma, place);
    expect((await send()).status).toBe(201);
    await db.query(rewrite(from, to));
    expect(codeIn(await send())).toEqual([500, "RESULT_UNREADABLE"]);
    expect(await db.countOrders()).toBe(1);
  });

  it(`is unreadable over GraphQL, and executes nothing (${name})`, async () => {
    await using db = await open();
    const { send } = yogaApp(db);
    const body = keyed('mutation { place(item: "a") { id } }', "k");
    await send(body);
    await db.query("UPDATE idempotency_record SET response = 'devalue:-1'");
    const { json } = await send(body);
    expect(json.errors[0].extensions.code).toBe("IDEMPOTENCY_RESULT_UNREADABLE");
    expect(await db.countOrders()).toBe(1);
  });
});
