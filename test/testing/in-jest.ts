/** Run by Jest itself, from jest.test.ts. One of the two must fail. */
import { openShopTest } from "./shop-test.ts";

/** What Jest has as globals. */
declare const afterAll: (work: () => Promise<unknown>) => void;
declare const it: (name: string, work: () => Promise<unknown>) => void;

const shop = await openShopTest();
afterAll(() => shop.close());

it("passes what is right", () => shop.expectRight());
it("passes what mails in its handler", () => shop.expectBroken());
