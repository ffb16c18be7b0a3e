/** The console in a real browser: who can use it, and what it looks like. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createServerAdapter } from "@whatwg-node/server";
import axe from "axe-core";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ServedConsole, serveConsole } from "../../src/cli/console/serve-console.ts";
import { createConsole } from "../../src/console/index.ts";
import { KEYS, makeRecords, type Shop, shopOf } from "../console/records.ts";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import { CHROMIUM_ARGS, chromiumPath } from "./chromium.ts";
import { isTooWide, screenshot } from "./look.ts";

let browser: Browser;
let db: TestDatabase;
let records: AsyncDisposable;
let shop: Shop;
/** For who may see the records of two scopes alone. */
let limited: Server;
let served: ServedConsole;
const ids = new Map<string, string>();

beforeAll(async () => {
  browser = await chromium.launch({ executablePath: chromiumPath() ?? "", args: CHROMIUM_ARGS });
  db = await openSqlite();
  shop = shopOf(db);
  records = await makeRecords(db, shop);
  await spreadOut();
  served = await serveConsole({ idempotency: shop });
  const handler = createConsole({
    idempotency: shop,
    authorize: () => ({ scope: ["user-7", "user-42"] }),
  });
  const adapter = createServerAdapter(handler);
  limited = createServer((request, response) => void adapter(request, response));
  limited.listen(0, "127.0.0.1");
  await once(limited, "listening");
  for (const { id, key } of (await shop.list()).records) ids.set(key, id);
});
afterAll(async () => {
  limited.close();
  limited.closeAllConnections();
  await served.close();
  await records[Symbol.asyncDispose]();
  await db[Symbol.asyncDispose]();
  await browser.close();
});

/** As if they had come in over an hour. Records with steps stay as they are: their steps know when they were claimed. */
async function spreadOut(): Promise<void> {
  const minutes = { [KEYS.other]: 12, [KEYS.completed]: 25, [KEYS.failed]: 41 };
  for (const [key, ago] of Object.entries(minutes)) {
    const at = (column: string, ms: number) =>
      `${column} = strftime('%Y-%m-%dT%H:%M:%f+00:00', ${column}, '-${ago} minutes', '+${ms / 1_000} seconds')`;
    await db.query(
      `UPDATE idempotency_record SET ${at("created_at", 0)}, ${at("completed_at", ago * 7)}, ${at("expires_at", 0)} WHERE key = ?1`,
      [key],
    );
  }
}

interface Look {
  readonly name: string;
  readonly colorScheme: "light" | "dark";
  readonly viewport: { readonly width: number; readonly height: number };
}

const looks: Look[] = [
  ["desktop", { width: 1280, height: 800 }] as const,
  ["phone", { width: 390, height: 844 }] as const,
].flatMap(([device, viewport]) =>
  (["light", "dark"] as const).map((colorScheme) => ({
    name: `${device}-${colorScheme}`,
    colorScheme,
    viewport,
  })),
);

/** A browser that was let in, and what went wrong in it. */
async function enter(
  look?: Look,
  { url } = served,
): Promise<{ context: BrowserContext; page: Page; wrong: string[] }> {
  const { colorScheme = "light", viewport = { width: 1280, height: 800 } } = look ?? {};
  const context = await browser.newContext({ colorScheme, viewport, reducedMotion: "reduce" });
  const page = await context.newPage();
  const wrong: string[] = [];
  const { origin } = new URL(url);
  context.on("request", (request) => {
    if (new URL(request.url()).origin !== origin) wrong.push(`asks for ${request.url()}`);
  });
  context.on("console", (message) => wrong.push(message.text()));
  context.on("weberror", (error) => wrong.push(String(error.error())));
  await page.goto(url);
  return { context, page, wrong };
}

/** What axe has against a page. The policy of the pages keeps every script out but those of the browser's own tools. */
async function violationsIn(page: Page): Promise<string[]> {
  await page.evaluate(`${axe.source}; undefined`);
  return page.evaluate(async () => {
    const tool = (globalThis as unknown as { axe: typeof axe }).axe;
    const { violations } = await tool.run(document, { resultTypes: ["violations"] });
    return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}`));
  });
}

interface Pictured {
  readonly name: string;
  readonly path: () => string;
  /** The looks of which the documents have a picture. */
  readonly pictures?: readonly string[];
}

const record = (key: string) => () => `/records/${ids.get(key)}`;
const pages: Pictured[] = [
  {
    name: "records",
    path: () => "/",
    pictures: ["desktop-light", "desktop-dark", "phone-light", "phone-dark"],
  },
  { name: "nothing found", path: () => "/?key=no-such-key" },
  { name: "a search that cannot be made", path: () => "/?key=%C3%A4" },
  { name: "completed", path: record(KEYS.completed) },
  { name: "record", path: record(KEYS.stepped), pictures: ["desktop-light", "desktop-dark"] },
  { name: "failed", path: record(KEYS.failed) },
  { name: "alive", path: record(KEYS.alive) },
  { name: "abandoned", path: record(KEYS.abandoned) },
  { name: "expired", path: record(KEYS.expired) },
  { name: "unknown", path: () => `/records/${"x".repeat(43)}` },
  { name: "forget", path: () => `${record(KEYS.completed)()}/forget` },
  { name: "overview", path: () => "/overview" },
  { name: "not found", path: () => "/no/such/page" },
];

describe.each(looks)("the console on $name", (look) => {
  it("can be used by everybody, on each page, and asks nothing of others", async () => {
    const { context, page, wrong } = await enter(look);
    for (const { name, path, pictures = [] } of pages) {
      await page.goto(new URL(path(), served.url).href);
      expect([name, await isTooWide(page)]).toEqual([name, false]);
      if (pictures.includes(look.name)) await screenshot(page, `console-${name}-${look.name}`);
      expect([name, await violationsIn(page)]).toEqual([name, []]);
    }
    // Pages that are not there are said to be so, by the browser too.
    expect(wrong.filter((each) => !/status of (400|404)/.test(each))).toEqual([]);
    await context.close();
  });
});

describe.each(looks)("the console of some scopes on $name", ({ colorScheme, viewport }) => {
  it.each(["/", "/?scope=user-7", "/?scope=user-8", "/overview", `/records/${"x".repeat(43)}/forget`])(
    "can be used by everybody, on %s",
    async (path) => {
      const page = await browser.newPage({ colorScheme, viewport });
      const { port } = limited.address() as AddressInfo;
      await page.goto(`http://127.0.0.1:${port}/onceonly${path}`);
      expect(await page.title()).toContain("onceonly console");
      expect(await isTooWide(page)).toBe(false);
      expect(await violationsIn(page)).toEqual([]);
      await page.close();
    },
  );
});

it("can be used by the keyboard alone, from the search to the record that is forgotten", async () => {
  const { context, page, wrong } = await enter();
  const press = async (...keys: string[]) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  /** Goes on until an element has the focus, which can be seen. */
  const tabTo = async (name: string | RegExp) => {
    for (let n = 0; n < 40; n += 1) {
      await press("Tab");
      const focused = page.locator(":focus");
      // After its last element, the browser's own controls are next.
      if ((await focused.count()) === 0) continue;
      const [label, text] = [
        await focused.evaluate((element) => (element as HTMLInputElement).labels?.[0]?.textContent ?? ""),
        await focused.innerText(),
      ];
      if ([label, text].some((each) => (typeof name === "string" ? each === name : name.test(each)))) {
        const outline = await focused.evaluate((element) => {
          const { outlineStyle, outlineWidth } = getComputedStyle(element);
          return [outlineStyle, parseFloat(outlineWidth) >= 2];
        });
        expect([name, ...outline]).toEqual([name, "solid", true]);
        return;
      }
    }
    throw new Error(`nothing named ${String(name)} can be reached`);
  };
  await press("Tab");
  expect(await page.locator(":focus").innerText()).toBe("Skip to content");
  await press("Enter");
  await tabTo("Key as a whole, or the id of a record");
  await page.keyboard.type(KEYS.expired);
  await press("Enter");
  await page.waitForURL(/key=/);
  await tabTo(KEYS.expired);
  await press("Enter");
  await page.waitForURL(/records/);
  await tabTo(/^Forget/);
  await press("Enter");
  await page.waitForURL(/forget$/);
  await tabTo("Forget the record");
  await press("Enter");
  await page.waitForURL(/outcome=forgotten/);
  expect(await page.getByRole("status").innerText()).toMatch(/^Forgotten\./);
  expect(await violationsIn(page)).toEqual([]);
  expect(await page.title()).toBe("Forgotten - onceonly console");
  expect(wrong.filter((each) => !/status of 404/.test(each))).toEqual([]);
  await context.close();
});

it("shows what clients have sent as text, and no script of theirs runs", async () => {
  // The other one has counted before.
  const fresh = await serveConsole({ idempotency: shop });
  const { context, page, wrong } = await enter(undefined, fresh);
  page.on("dialog", (dialog) => {
    wrong.push(dialog.message());
    void dialog.dismiss();
  });
  const text = `</style></title></pre></textarea><script>alert(1)</script><img src=x onerror=alert(2)>\u202e`;
  const key = "<svg onload=alert(3)>";
  await shop.runLeased({ operation: text, scope: text, key, input: { [text]: text } }, async ({ step }) =>
    step(text, () => ({ text, map: new Map([[text, text]]) })),
  );
  const { id } = await shop.inspect({ operation: text, scope: text, key });
  const query = new URLSearchParams({ key, operation: text, scope: text }).toString();
  for (const path of ["/", `/?${query}`, "/overview", `/records/${id}`, `/records/${id}/forget`]) {
    await page.goto(new URL(path, fresh.url).href);
    await page.getByText("onload=alert(3)").or(page.getByText("onerror=alert(2)")).first().waitFor();
    expect([path, await page.locator("script, img, svg").count()]).toEqual([path, 0]);
  }
  expect(wrong).toEqual([]);
  await context.close();
  await fresh.close();
});
