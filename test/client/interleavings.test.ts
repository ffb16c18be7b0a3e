import { describe, expect, it } from "vitest";
import { createIdempotencyKey } from "../../src/client/index.ts";
import { fetching, type OpenPage, trpc } from "./drivers.ts";
import { badLuck, type Dice, type Intent, orderOf, PATIENT, playAll, TIMING } from "./interleavings.ts";
import { openShop, type Shop } from "./shop.ts";

const trpcLinks = (["httpLink", "httpBatchLink", "httpBatchStreamLink"] as const).flatMap((link) =>
  (["key first", "retry first"] as const).map((order) => trpc(link, order)),
);

let pages = 0;

/** All of tRPC's links in turn, in either order. */
const anyTrpc: OpenPage = (...page) => {
  const open = trpcLinks[pages % trpcLinks.length] as OpenPage;
  pages += 1;
  return open(...page);
};

/** One intent, with the key that the page keeps: clicks, double clicks and reloads until there is an answer. */
async function decide(shop: Shop, open: OpenPage, customer: string, random: Dice): Promise<Intent> {
  const key = createIdempotencyKey();
  const ids = new Set<string>();
  shop.fatesOf.set(customer, badLuck(random));
  for (let click = 0; ids.size === 0; click += 1) {
    // In the end every network works again.
    const isHealed = click >= 3;
    if (isHealed) shop.fatesOf.delete(customer);
    expect(click).toBeLessThan(50);
    const page = open(shop.url, isHealed ? PATIENT : TIMING);
    const reload = new AbortController();
    const clicks = Array.from({ length: random.chance(0.25) ? 2 : 1 }, () =>
      page(orderOf(customer), key, reload.signal),
    );
    if (random.chance(0.2)) setTimeout(() => reload.abort(), random.below(8));
    for (const ended of await Promise.allSettled(clicks)) {
      if (ended.status === "fulfilled") ids.add(ended.value);
    }
  }
  // The other tab was slower.
  if (random.chance(0.3)) {
    shop.fatesOf.delete(customer);
    ids.add(await open(shop.url, PATIENT)(orderOf(customer), key));
  }
  return { customer, ids, isAnswered: true };
}

/** One call, with a key that the library makes: nobody but it may retry. */
async function callOnce(shop: Shop, open: OpenPage, customer: string, random: Dice): Promise<Intent> {
  shop.fatesOf.set(customer, badLuck(random));
  const id = await open(shop.url, TIMING)(orderOf(customer)).catch(() => undefined);
  return { customer, ids: new Set(id === undefined ? [] : [id]), isAnswered: id !== undefined };
}

describe.each(Object.entries({ ...fetching, "tRPC links": anyTrpc }))(
  "random interleavings of failures with %s",
  (name, open) => {
    it("never make two orders of one intent, nor give one key to two intents", async () => {
      await using shop = await openShop();
      const { rounds } = await playAll(shop, name, async (customer, random) => {
        const act = random.chance(0.3) ? callOnce : decide;
        const intents = [await act(shop, open, customer, random)];
        // The same input once more is another intent.
        if (random.chance(0.3)) intents.push(await act(shop, open, customer, random));
        return intents;
      });
      expect(shop.seen.length).toBeGreaterThan(rounds);
    });
  },
);
