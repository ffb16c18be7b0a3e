/** Each way in tells of the requests that it refuses, once, and of the calls that it makes as core does. */
import { describe, expect, test } from "vitest";
import * as http from "../http/support.ts";
import { databases } from "../support/database.ts";
import * as trpc from "../trpc/support.ts";
import * as yoga from "../yoga/support.ts";
import { listen } from "./listen.ts";

type Send = (key?: string) => Promise<unknown>;

const doors: Record<string, (db: Parameters<typeof yoga.app>[0]) => { operation: string; send: Send }> = {
  HTTP: ({ prisma }) => {
    const { send } = http.app(prisma, http.place, { operation: "place" });
    return { operation: "place", send: (key) => send({ key: key ?? null }) };
  },
  tRPC: ({ prisma }) => {
    const place = trpc.t.procedure.use(trpc.idempotentOn(prisma)).mutation(() => "placed");
    const { send } = trpc.app(trpc.t.router({ place }), prisma);
    return { operation: "place", send: (key) => send("place", key === undefined ? {} : { key }) };
  },
  "GraphQL, as one unit": (db) => {
    const { send } = yoga.app(db);
    const query = 'mutation { place(item: "lamp") { id } }';
    return {
      operation: "mutation",
      send: (key) => send({ query }, key === undefined ? {} : { "idempotency-key": key }),
    };
  },
};

describe.each(databases)("$name", ({ open }) => {
  test.each(Object.keys(doors))("%s", async (name) => {
    await using db = await open();
    const { operation, send } = doors[name]?.(db) ?? expect.fail();
    using events = listen();
    const heard = () =>
      events.take().map(([event, message]) => [event, message["operation"], message["code"] ?? null]);
    await send();
    const [[, named] = []] = [heard()].flatMap((refusals) => {
      expect(refusals).toEqual([["refused", expect.any(String), "KEY_MISSING"]]);
      return refusals;
    });
    // Yoga names the root field that lacks its key.
    expect([operation, "place"]).toContain(named);
    await send('"not a key, but two", "b"');
    expect(heard()).toEqual([["refused", operation, "KEY_INVALID"]]);
    await send('"k"');
    expect(heard()).toEqual([["executed", operation, null]]);
    await send('"k"');
    expect(heard()).toEqual([["replayed", operation, null]]);
  });
});
