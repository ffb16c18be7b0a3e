/** Three nodes under Patroni: the leader's machine dies, and a client with the defaults waits for the next one. */
import { expect, it } from "vitest";
import { Load, lostOf, oddOf } from "./load.ts";
import { startPatroni } from "./patroni.ts";
import { openShopClient } from "./shop-client.ts";

it("a failover of Patroni: every client comes through by itself, nothing is lost, none executed twice", async () => {
  await using cluster = await startPatroni();
  await using client = await openShopClient(cluster.url);
  const load = new Load({ callers: 8, place: client.place });
  await load.more(50);
  await cluster.killLeader();
  await load.more(50);
  await load.end();
  expect(await lostOf(load.answers, { query: cluster.primary })).toEqual([]);
  expect(await oddOf({ query: cluster.primary })).toEqual([]);
});
