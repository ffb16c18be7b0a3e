import type { BrowserContext, Page } from "playwright-core";
import type { CheckoutApp } from "./checkout-app.ts";

export type Protocol = "tRPC" | "GraphQL";
export type Key = "With onceonly" | "Without";

/** One person's browser, with an empty storage and so with a cart of its own. */
export class Customer implements AsyncDisposable {
  readonly app: CheckoutApp;
  readonly #context: BrowserContext;
  readonly #protocol: Protocol;
  readonly #key: Key;

  constructor(app: CheckoutApp, context: BrowserContext, protocol: Protocol, key: Key) {
    this.app = app;
    this.#context = context;
    // A server that was killed may take its time on a busy machine.
    context.setDefaultTimeout(600_000);
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

export const payButton = (page: Page) => page.getByRole("button", { name: /^Pay / });
export const requestsOf = (page: Page) =>
  page.getByRole("region", { name: "Requests sent" }).getByRole("listitem");

/** Waits until the page has its answers, and says which cart was paid. */
export async function paidCart(page: Page): Promise<string> {
  await page.getByText(/^Paid\. Your order is number \d+\.$/).waitFor();
  await requestsOf(page).filter({ hasText: "on its way" }).first().waitFor({ state: "detached" });
  return page.evaluate(
    () => (JSON.parse(localStorage.getItem("checkout.cart") ?? "{}") as { id: string }).id,
  );
}
