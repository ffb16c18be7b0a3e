import type { BrowserContext, Page } from "playwright-core";
import type { CheckoutApp } from "./checkout-app.ts";

export type Protocol = "tRPC" | "GraphQL";
/** How the cart is paid. */
export type Way = "In both ways" | "With onceonly" | "Without a key";

/** One person's browser, with an empty storage and so with a cart of its own. */
export class Customer implements AsyncDisposable {
  readonly app: CheckoutApp;
  readonly #context: BrowserContext;
  readonly #protocol: Protocol;
  readonly #way: Way;

  constructor(app: CheckoutApp, context: BrowserContext, protocol: Protocol, way: Way) {
    this.app = app;
    this.#context = context;
    // A server that was killed may take its time on a busy machine.
    context.setDefaultTimeout(600_000);
    this.#protocol = protocol;
    this.#way = way;
  }

  /** Has the pages wait for answers on a machine that is busy, and not give up an attempt. */
  async waitsForAnswers(): Promise<void> {
    await this.#context.addInitScript(() => {
      AbortSignal.timeout = () => new AbortController().signal;
    });
  }

  async openTab(fault: string): Promise<Page> {
    const page = await this.#context.newPage();
    await page.goto(this.app.url);
    await page.getByRole("radio", { name: this.#protocol, exact: true }).check();
    await page.getByRole("radio", { name: new RegExp(`^${this.#way}`) }).check();
    await page.getByRole("radio", { name: fault }).check();
    return page;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#context.close();
  }
}

export const payButton = (page: Page) => page.getByRole("button", { name: /^Pay / });
/** What the page tells of its requests, and of what came of them. */
export const momentsOf = (page: Page) =>
  page.getByRole("region", { name: "What happened" }).getByRole("listitem");
export const requestsOf = (page: Page) => momentsOf(page).filter({ hasText: /^Request \d/ });

/** Waits until the page has its answers, and says which cart was paid. */
export async function paidCart(page: Page): Promise<string> {
  await page.getByText(/^Paid\. Your order is number \d+\.$/).waitFor();
  await requestsOf(page).filter({ hasText: "on its way" }).first().waitFor({ state: "detached" });
  return page.evaluate(
    () => (JSON.parse(localStorage.getItem("checkout.cart") ?? "{}") as { id: string }).id,
  );
}
