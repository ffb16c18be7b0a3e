import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CheckoutApp, checkoutDatabases, startCheckout } from "./checkout-app.ts";
import { CHROMIUM_ARGS, chromiumPath } from "./chromium.ts";
import { Customer, type Key, type Protocol, paidCart, payButton, requestsOf } from "./customer.ts";
import { faintTexts, isTooWide, screenshot } from "./look.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await chromium.launch({ executablePath: chromiumPath() ?? "", args: CHROMIUM_ARGS });
});
afterAll(() => browser.close());

interface Story {
  readonly story: string;
  /** What a person does. Ends with a page that is about to show the paid cart. */
  readonly play: (customer: Customer) => Promise<Page>;
  /** Whether it makes more than one order when the requests carry no key. */
  readonly harmsWithoutKey: boolean;
  /** Whether it is told on every database, as connections break in it. */
  readonly everywhere: boolean;
}

const stories: Story[] = [
  {
    story: "a double click",
    async play(customer) {
      const page = await customer.openTab("Nothing");
      await payButton(page).dblclick();
      return page;
    },
    // The second click may find the cart paid.
    harmsWithoutKey: false,
    everywhere: false,
  },
  {
    story: "a form that is submitted twice",
    async play(customer) {
      const page = await customer.openTab("Submit twice");
      await payButton(page).click();
      await expect.poll(() => requestsOf(page).count()).toBe(2);
      return page;
    },
    harmsWithoutKey: true,
    everywhere: false,
  },
  {
    story: "a click, a lost response and an automatic retry",
    async play(customer) {
      const page = await customer.openTab("Lose the response");
      await payButton(page).click();
      await requestsOf(page).filter({ hasText: "the connection broke" }).waitFor();
      return page;
    },
    harmsWithoutKey: true,
    everywhere: true,
  },
  {
    story: "a click, a reload and a click",
    async play(customer) {
      const page = await customer.openTab("Answer 5 s late");
      await payButton(page).click();
      await customer.app.waitForExecuting(1);
      await page.reload();
      await page.getByLabel("Nothing").check();
      await payButton(page).click();
      return page;
    },
    harmsWithoutKey: true,
    everywhere: false,
  },
  {
    story: "two tabs with the same cart",
    async play(customer) {
      const first = await customer.openTab("Answer 5 s late");
      const second = await customer.openTab("Nothing");
      await payButton(first).click();
      await customer.app.waitForExecuting(1);
      await payButton(second).click();
      await paidCart(second);
      return first;
    },
    harmsWithoutKey: true,
    everywhere: false,
  },
  {
    story: "a server killed from outside under the request",
    async play(customer) {
      const page = await customer.openTab("Answer 5 s late");
      await payButton(page).click();
      process.kill(await customer.app.waitForExecuting(1), "SIGKILL");
      return page;
    },
    // Without a COMMIT there is no order of the first request.
    harmsWithoutKey: false,
    everywhere: true,
  },
  {
    story: "a server killed in the middle of the payment",
    async play(customer) {
      const page = await customer.openTab("Kill the server mid-payment");
      await payButton(page).click();
      return page;
    },
    harmsWithoutKey: false,
    everywhere: true,
  },
  {
    story: "a server killed after COMMIT",
    async play(customer) {
      const page = await customer.openTab("Kill the server after COMMIT");
      await payButton(page).click();
      return page;
    },
    harmsWithoutKey: true,
    everywhere: true,
  },
];

describe.each(checkoutDatabases)("checkout on $name", ({ name, make }) => {
  let app: CheckoutApp;
  beforeAll(async () => {
    app = await startCheckout(make);
  });
  afterAll(() => app[Symbol.asyncDispose]());

  const customer = async (protocol: Protocol, key: Key, options: BrowserContextOptions = {}) =>
    new Customer(app, await browser.newContext(options), protocol, key);

  async function ordersAfter({ play }: Story, protocol: Protocol, key: Key) {
    await using person = await customer(protocol, key);
    const cart = await paidCart(await play(person));
    await app.waitForExecuting(0);
    expect(await app.orders.overchargedCents()).toBe(0);
    return app.orders.count(cart);
  }

  const told = stories.filter(({ everywhere }) => everywhere || name === "sqlite");

  describe.each(["tRPC", "GraphQL"] as const)("over %s", (protocol) => {
    it.each(told)("$story makes one order", async (story) => {
      expect(await ordersAfter(story, protocol, "With onceonly")).toBe(1);
    });
  });

  // So that the tests above are known to be able to fail.
  describe("without a key", () => {
    it.each(told.filter(({ harmsWithoutKey }) => harmsWithoutKey))(
      "$story makes several orders",
      async (story) => {
        expect(await ordersAfter(story, "tRPC", "Without")).toBeGreaterThan(1);
      },
    );

    it("a lost response over GraphQL makes two orders", async () => {
      const [story] = stories.filter((it) => it.story.includes("lost response"));
      if (story === undefined) throw new Error("no such story");
      expect(await ordersAfter(story, "GraphQL", "Without")).toBe(2);
    });
  });

  if (name !== "sqlite") return;
  describe("the page", () => {
    const [light, dark] = ["light" as const, "dark" as const];
    const desktop = { width: 1280, height: 800 };
    const phone = { width: 360, height: 740 };
    it.each([
      {
        viewport: desktop,
        colorScheme: light,
        key: "With onceonly" as const,
        image: "checkout-desktop-light",
      },
      { viewport: desktop, colorScheme: dark, key: "Without" as const, image: "checkout-desktop-dark" },
      { viewport: phone, colorScheme: light, key: "Without" as const, image: "checkout-phone-light" },
      { viewport: phone, colorScheme: dark, key: "With onceonly" as const, image: "checkout-phone-dark" },
      { viewport: { width: 820, height: 1180 }, colorScheme: light, key: "With onceonly" as const },
    ])("is legible and not too wide: $viewport.width px, $colorScheme, $key", async (look) => {
      await using person = await customer("tRPC", look.key, look);
      const page = await person.openTab("Lose the response");
      await page.getByRole("button", { name: "Clear the tables" }).click();
      expect(await isTooWide(page)).toBe(false);
      expect(await faintTexts(page)).toEqual([]);
      await payButton(page).click();
      await paidCart(page);
      const count = look.key === "Without" ? 2 : 1;
      await page
        .getByRole("status")
        .filter({ hasText: `${count} order` })
        .waitFor();
      expect(await isTooWide(page)).toBe(false);
      expect(await faintTexts(page)).toEqual([]);
      if (look.image !== undefined) await screenshot(page, look.image);
    });

    it("is used by keyboard alone, and tells the outcome to screen readers", async () => {
      await using person = await customer("tRPC", "With onceonly");
      const page = await person.openTab("Nothing");
      await page.getByLabel("Nothing").focus();
      await page.keyboard.press("ArrowDown");
      expect(await page.getByLabel("Lose the response").isChecked()).toBe(true);
      const focusedText = () => page.evaluate(() => document.activeElement?.textContent ?? "");
      for (let tabs = 0; tabs < 20 && !(await focusedText()).startsWith("Pay "); tabs += 1) {
        await page.keyboard.press("Tab");
      }
      await page.keyboard.press("Enter");
      await page.locator("[aria-live=polite]").filter({ hasText: "Paid. Your order is number" }).waitFor();
    });
  });
});
