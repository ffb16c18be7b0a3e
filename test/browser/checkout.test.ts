import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CheckoutApp, checkoutDatabases, startCheckout } from "./checkout-app.ts";
import { CHROMIUM_ARGS, chromiumPath } from "./chromium.ts";

type Protocol = "tRPC" | "GraphQL";
type Key = "With onceonly" | "Without";

let browser: Browser;
beforeAll(async () => {
  browser = await chromium.launch({ executablePath: chromiumPath() ?? "", args: CHROMIUM_ARGS });
});
afterAll(() => browser.close());

/** One person's browser, with an empty storage and so with a cart of its own. */
class Customer implements AsyncDisposable {
  readonly app: CheckoutApp;
  readonly #context: BrowserContext;
  readonly #protocol: Protocol;
  readonly #key: Key;

  constructor(app: CheckoutApp, context: BrowserContext, protocol: Protocol, key: Key) {
    this.app = app;
    this.#context = context;
    this.#protocol = protocol;
    this.#key = key;
  }

  async openTab(fault: string): Promise<Page> {
    const page = await this.#context.newPage();
    await page.goto(this.app.url);
    await page.getByLabel(this.#protocol, { exact: true }).check();
    await page.getByLabel(this.#key, { exact: true }).check();
    await page.getByLabel(fault).check();
    return page;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#context.close();
  }
}

const payButton = (page: Page) => page.getByRole("button", { name: /^Pay / });
const requestsOf = (page: Page) => page.getByRole("region", { name: "Requests sent" }).getByRole("listitem");

/** Waits until the page has its answers, and says which cart was paid. */
async function paidCart(page: Page): Promise<string> {
  await page.getByText(/^Paid\. Your order is number \d+\.$/).waitFor();
  await requestsOf(page).filter({ hasText: "on its way" }).first().waitFor({ state: "detached" });
  return page.evaluate(
    () => (JSON.parse(localStorage.getItem("checkout.cart") ?? "{}") as { id: string }).id,
  );
}

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

describe.each(checkoutDatabases)("checkout on $name", { timeout: 90_000 }, ({ name, make }) => {
  let app: CheckoutApp;
  beforeAll(async () => {
    app = await startCheckout(make);
  });
  afterAll(() => app[Symbol.asyncDispose]());

  const customer = async (protocol: Protocol, key: Key) =>
    new Customer(app, await browser.newContext(), protocol, key);

  async function ordersAfter({ play }: Story, protocol: Protocol, key: Key) {
    await using person = await customer(protocol, key);
    const cart = await paidCart(await play(person));
    await app.waitForExecuting(0);
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
});
