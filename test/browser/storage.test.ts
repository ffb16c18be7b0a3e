import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { build } from "vite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CHROMIUM_ARGS, chromiumPath } from "./chromium.ts";

let script: string;
let browser: Browser;
let context: BrowserContext;

beforeAll(async () => {
  const built = await build({
    configFile: false,
    logLevel: "warn",
    resolve: { tsconfigPaths: true },
    build: {
      write: false,
      rolldownOptions: { input: fileURLToPath(new URL("storage-page.tsx", import.meta.url)) },
    },
  });
  const [output] = [built].flat();
  if (output === undefined || !("output" in output)) throw new Error("Vite built nothing");
  script = output.output[0].code;
  browser = await chromium.launch({ executablePath: chromiumPath() ?? "", args: CHROMIUM_ARGS });
});
afterAll(() => browser.close());

beforeEach(async () => {
  context = await browser.newContext();
  await context.route("http://localhost/**", (route) =>
    route.request().url().endsWith(".js")
      ? route.fulfill({ contentType: "text/javascript", body: script })
      : route.fulfill({
          contentType: "text/html",
          body: `<body><script type="module" src="/page.js"></script>`,
        }),
  );
});
afterEach(() => context.close());

async function openTab(): Promise<Page> {
  const page = await context.newPage();
  await page.goto("http://localhost/");
  return page;
}

const press = (page: Page, name: string) => page.getByRole("button", { name }).click();

async function sentKey(page: Page): Promise<string> {
  await press(page, "Send");
  await page.locator("output:not(:empty)").waitFor();
  return page.locator("output").innerText();
}

describe("useIdempotencyKey with the sessionStorage of a browser", () => {
  it("keeps the key of an intent over presses and reloads", async () => {
    const page = await openTab();
    const key = await sentKey(page);
    expect(key).toMatch(/^[\w-]{20,}$/);
    expect(await sentKey(page)).toBe(key);
    await page.reload();
    expect(await sentKey(page)).toBe(key);
  });

  it("has another key for another intent, in another tab, and after success", async () => {
    const page = await openTab();
    const keys = [await sentKey(page), await sentKey(await openTab())];
    await press(page, "Raise");
    keys.push(await sentKey(page));
    await press(page, "Succeed");
    keys.push(await sentKey(page));
    expect(new Set(keys).size).toBe(4);
  });

  it("has no key of before the reload once that has succeeded", async () => {
    const page = await openTab();
    const key = await sentKey(page);
    await press(page, "Succeed");
    await page.reload();
    expect(await sentKey(page)).not.toBe(key);
  });

  it("keeps the key in memory when the storage is full", async () => {
    const page = await openTab();
    await page.evaluate(() => {
      for (let size = 4_000_000; size >= 1; size = Math.floor(size / 2)) {
        try {
          for (let part = 0; ; part += 1) sessionStorage.setItem(`${size}.${part}`, "x".repeat(size));
        } catch {
          // Full for pieces of this size.
        }
      }
    });
    const key = await sentKey(page);
    expect(await sentKey(page)).toBe(key);
    expect(await page.evaluate(() => JSON.stringify(sessionStorage).includes("onceonly"))).toBe(false);
  });
});
