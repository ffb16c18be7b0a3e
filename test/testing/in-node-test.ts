/** Run by node:test itself, from node-test.test.ts. One of the two must fail. */
import { after, test } from "node:test";
import { openShopTest } from "./shop-test.ts";

const shop = await openShopTest();
after(() => shop.close());

await test("what is right", async () => {
  await shop.expectRight();
});
await test("what mails in its handler", async () => {
  await shop.expectBroken();
});
