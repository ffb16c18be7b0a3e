import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isRetryable } from "../../src/client/index.ts";
import { isOver } from "../../src/core/browser/answer-class.ts";
import { gate } from "../support/gate.ts";
import { fetching, linked } from "./drivers.ts";
import { FAILURES, type Fate, held, openShop, type Shop } from "./shop.ts";

/** A streaming link has its headers before an answer is known. */
const isTold = (name: string) => !name.startsWith("httpBatchStreamLink");

let shop: Shop;
let impatient: Shop;
beforeAll(async () => {
  shop = await openShop();
  impatient = await openShop({ onDuplicate: "reject" });
  // The first of each kind loads what the others find.
  for (const open of Object.values(libraries)) {
    await open(shop.url, TIMING)(order());
  }
});
afterAll(async () => {
  await shop[Symbol.asyncDispose]();
  await impatient[Symbol.asyncDispose]();
});
beforeEach(() => {
  for (const list of [shop.fates, shop.seen, shop.instead]) list.length = 0;
});

const TIMING = { attemptsMax: 5, attemptMs: 120_000, backoffMs: 1, backoffMsMax: 2 };
/** For answers that never come. A busy machine needs many attempts until one of them is in time. */
const HASTY = { ...TIMING, attemptsMax: 100, attemptMs: 500 };
const libraries = { ...fetching, ...linked };
let customers = 0;

function order(item = "lamp", quantity = 1) {
  return { customer: `library-${(customers += 1)}`, item, quantity };
}

async function failureOf(given: Promise<unknown>): Promise<unknown> {
  return given.then(
    () => expect.fail("it succeeded"),
    (error: unknown) => error,
  );
}

describe.each(Object.entries(libraries))("%s", (name, open) => {
  it.each(FAILURES)("gets one order and its answer after: %s", async (fate: Fate) => {
    shop.fates.push(fate);
    const mine = order();
    const id = await open(shop.url, HASTY)(mine);
    await shop.idle();
    expect(shop.seen.length).toBeGreaterThan(1);
    expect(new Set(shop.seen.map(({ key }) => key)).size).toBe(1);
    expect(shop.seen[0]?.key).toMatch(/^"[\w.-]+"$/);
    expect(await shop.db.countOrders({ customer: mine.customer, id })).toBe(1);
    expect(await shop.db.countOrders({ customer: mine.customer })).toBe(1);
  });

  it("sends the key of the call, and a new one with each call that has none", async () => {
    const place = open(shop.url, TIMING);
    const mine = order();
    const id = await place(mine, `mine-${mine.customer}`);
    expect(await place(mine, `mine-${mine.customer}`)).toBe(id);
    expect(await place(mine)).not.toBe(id);
    await place(mine);
    const [first, second, third, fourth] = shop.seen.map(({ key }) => key);
    expect(first).toBe(`"mine-${mine.customer}"`);
    expect(second).toBe(first);
    expect(new Set([first, third, fourth]).size).toBe(3);
    expect(await shop.db.countOrders({ customer: mine.customer })).toBe(3);
  });

  it("surfaces a reused key at once, and that it is of no use", async () => {
    const place = open(shop.url, TIMING);
    const mine = order();
    await place(mine, `reused-${mine.customer}`);
    const failure = await failureOf(place({ ...mine, quantity: 2 }, `reused-${mine.customer}`));
    expect(shop.seen.length).toBe(2);
    expect(isRetryable(failure)).toBe(false);
    expect(isOver(failure)).toBe(isTold(name));
    expect(await shop.db.countOrders({ customer: mine.customer })).toBe(1);
  });

  it("gives up after attemptsMax, with a failure that leaves the key open", async () => {
    shop.fates.push("503", "response lost", "response lost");
    const place = open(shop.url, { ...HASTY, attemptsMax: 3 });
    const failure = await failureOf(place(order()));
    expect(shop.seen.length).toBe(3);
    expect(isRetryable(failure)).toBe(true);
    expect(isOver(failure)).toBe(false);
  });
});

// urql lets a mutation go on when nobody listens to it any more.
describe.each(Object.entries(libraries).filter(([name]) => name !== "urql"))("%s", (_, open) => {
  it("does not repeat what the caller aborted", async () => {
    shop.fates.push("never answered");
    const controller = new AbortController();
    const given = open(shop.url, TIMING)(order(), undefined, controller.signal);
    const ended = failureOf(given);
    await expect.poll(() => shop.seen.length).toBe(1);
    controller.abort();
    expect(isOver(await ended)).toBe(false);
    await shop.idle();
    expect(shop.seen.length).toBe(1);
  });
});

describe.each(Object.entries(libraries).filter(([name]) => name !== "REST"))("%s", (name, open) => {
  it("does not repeat a refusal by the application, which is kept", async () => {
    const failure = await failureOf(open(shop.url, TIMING)(order("declined")));
    expect(shop.seen.length).toBe(1);
    expect(isRetryable(failure)).toBe(false);
    expect(isOver(failure)).toBe(isTold(name));
  });
});

describe.each(Object.entries(libraries))("%s, while a duplicate runs", (_, open) => {
  it("asks again until it has the answer of the first", async () => {
    const mine = order();
    const { opened, open: release } = gate();
    held.set(mine.customer, opened);
    const place = open(impatient.url, {
      attemptsMax: 500,
      attemptMs: 120_000,
      backoffMs: 1,
      backoffMsMax: 20,
    });
    const { executed } = impatient;
    const first = place(mine, mine.customer);
    await expect.poll(() => impatient.seen.at(-1)?.key).toBe(`"${mine.customer}"`);
    const second = place(mine, mine.customer);
    // The only request that can end meanwhile is the duplicate's, refused with IN_PROGRESS.
    await expect.poll(() => impatient.executed).toBeGreaterThan(executed);
    release();
    expect(await second).toBe(await first);
    expect(await impatient.db.countOrders({ customer: mine.customer })).toBe(1);
  });
});
