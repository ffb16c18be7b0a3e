import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cartIdIn } from "../../examples/checkout/web/lanes.ts";
import { type CheckoutApp, checkoutDatabases, startCheckout } from "./checkout-app.ts";
import { CHROMIUM_ARGS, chromiumPath } from "./chromium.ts";
import { Customer, momentsOf, type Protocol, paidCart, payButton, requestsOf, type Way } from "./customer.ts";
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
  /** Whether it makes more than one order or charge when the requests carry no key. */
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
      await momentsOf(page).filter({ hasText: "the connection broke" }).waitFor();
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
    // Without a COMMIT there is no order of the first request, but its charge stays.
    harmsWithoutKey: true,
    everywhere: true,
  },
  {
    story: "a server killed in the middle of the payment",
    async play(customer) {
      const page = await customer.openTab("Kill the server mid-payment");
      await payButton(page).click();
      return page;
    },
    harmsWithoutKey: true,
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

  const customer = async (protocol: Protocol, way: Way, options: BrowserContextOptions = {}) =>
    new Customer(app, await browser.newContext(options), protocol, way);

  async function madeBy({ play }: Story, protocol: Protocol, way: "With onceonly" | "Without a key") {
    await using person = await customer(protocol, way);
    const cart = cartIdIn(way === "With onceonly" ? "with" : "without", await paidCart(await play(person)));
    await app.waitForExecuting(0);
    expect(await app.orders.overchargedCents()).toBe(0);
    return { orders: await app.orders.count(cart), charges: await app.charges(cart) };
  }

  const told = stories.filter(({ everywhere }) => everywhere || name === "sqlite");

  describe.each(["tRPC", "GraphQL"] as const)("over %s", (protocol) => {
    it.each(told)("$story makes one order and one charge", async (story) => {
      expect(await madeBy(story, protocol, "With onceonly")).toEqual({ orders: 1, charges: 1 });
    });
  });

  // So that the tests above are known to be able to fail.
  describe("without a key", () => {
    it.each(told.filter(({ harmsWithoutKey }) => harmsWithoutKey))(
      "$story makes several orders or charges",
      async (story) => {
        const { orders, charges } = await madeBy(story, "tRPC", "Without a key");
        expect(Math.max(orders, charges)).toBeGreaterThan(1);
      },
    );

    it("a lost response over GraphQL makes two orders", async () => {
      const [story] = stories.filter((it) => it.story.includes("lost response"));
      if (story === undefined) throw new Error("no such story");
      expect(await madeBy(story, "GraphQL", "Without a key")).toEqual({ orders: 2, charges: 2 });
    });
  });

  if (name !== "sqlite") return;
  describe("the page", () => {
    const [light, dark] = ["light" as const, "dark" as const];
    const desktop = { width: 1280, height: 800 };
    const phone = { width: 360, height: 740 };
    it.each([
      { viewport: desktop, colorScheme: light, fault: "Lose the response" },
      { viewport: desktop, colorScheme: dark, fault: "Kill the server mid-payment" },
      { viewport: phone, colorScheme: light, fault: "Lose the response" },
      { viewport: phone, colorScheme: dark, fault: "Lose the response" },
      { viewport: { width: 820, height: 1180 }, colorScheme: light, fault: "Lose the response" },
    ])(
      "shows both ways, legible and not too wide: $viewport.width px, $colorScheme, $fault",
      async ({ fault, ...look }) => {
        await using person = await customer("tRPC", "In both ways", look);
        await person.waitsForAnswers();
        const page = await person.openTab(fault);
        await page.getByRole("button", { name: "Clear the tables" }).click();
        expect(await isTooWide(page)).toBe(false);
        expect(await faintTexts(page)).toEqual([]);
        await payButton(page).click();
        await paidCart(page);
        const verdict = page.getByRole("status").filter({ hasText: "Charged" });
        await verdict.getByText(/^With onceonlyCharged once€32\.801 order$/).waitFor();
        const orders = fault === "Lose the response" ? "2 orders" : "1 order";
        await verdict.getByText(`Without a keyCharged twice€65.60€32.80${orders}`).waitFor();
        expect(await isTooWide(page)).toBe(false);
        expect(await faintTexts(page)).toEqual([]);
        const kind = look.viewport === desktop ? "desktop" : look.viewport === phone ? "phone" : undefined;
        if (kind !== undefined) await screenshot(page, `checkout-${kind}-${look.colorScheme}`);
      },
    );

    it("tells the story of the key, and what is stored under it", async () => {
      await using person = await customer("GraphQL", "With onceonly");
      await person.waitsForAnswers();
      const page = await person.openTab("Lose the response");
      await payButton(page).click();
      await paidCart(page);
      await page.getByText("and its answer committed").waitFor();
      const told = await momentsOf(page).locator("span").allTextContents();
      expect(told.map((text) => text.replace(/Order \d+/, "Order n"))).toEqual([
        "Request 1",
        "Key claimed",
        "Provider charged €32.80",
        "Order n and its answer committed",
        "Answer lost, the connection broke",
        "Request 2",
        "Replayed: the stored answer",
      ]);
      const stored = await page.getByRole("figure").locator("pre").textContent();
      expect(JSON.parse(stored ?? "")).toEqual({
        data: { pay: { id: expect.any(Number), totalCents: 3280 } },
      });
    });

    it("tells that a second execution asks for the same charge", async () => {
      await using person = await customer("tRPC", "With onceonly");
      const page = await person.openTab("Kill the server mid-payment");
      await payButton(page).click();
      await paidCart(page);
      await momentsOf(page).filter({ hasText: "Provider knows the key, no charge" }).waitFor();
      const verdict = page.getByRole("status").filter({ hasText: "Charged" });
      expect(await verdict.textContent()).toContain("Charged once€32.801 order");
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
