/** What create-t3-app makes, with the guide's changes, under a customer in Chromium. */
import { type Browser, chromium, type Page, type Route } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHROMIUM_ARGS, chromiumPath } from "../browser/chromium.ts";
import { installT3, type Mode, type T3App, type T3Server, type Variant } from "./t3-app/app.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await chromium.launch({ executablePath: chromiumPath() ?? "", args: CHROMIUM_ARGS });
});
afterAll(() => browser.close());

const title = (page: Page) => page.getByPlaceholder("Title");
const submit = (page: Page) => page.getByRole("button", { name: "Submit" });

/** Writes a title and submits it, with as many clicks as find the same rendering. */
async function post(page: Page, name: string, clicks = 1): Promise<void> {
  // Until React has taken over what the server rendered, the browser itself would send the form.
  const isTakenOver = (form: Element) => Object.keys(form).some((property) => property.startsWith("__react"));
  await expect.poll(() => page.locator("form").evaluate(isTakenOver), { timeout: 600_000 }).toBe(true);
  await title(page).fill(name);
  await submit(page).evaluate((button: HTMLElement, times) => {
    for (let click = 0; click < times; click += 1) button.click();
  }, clicks);
}

/** Waits for the page to show the post. Posts again where the page gave up, as a person would. */
async function untilPosted(page: Page, name: string): Promise<void> {
  const posted = page.getByText(`Your most recent post: ${name}`);
  const tries = async () => {
    // In this order: an answer that arrives in between is shown before the button is enabled again.
    const isIdle = await submit(page).isEnabled({ timeout: 1_000 });
    if (await posted.isVisible()) return isIdle;
    if (isIdle) await post(page, name);
    return false;
  };
  // A page that is being reloaded has no button.
  await expect.poll(() => tries().catch(() => false), { timeout: 600_000, interval: 500 }).toBe(true);
}

interface Story {
  readonly story: string;
  readonly play: (page: Page, name: string, server: T3Server) => Promise<void>;
}

const stories: Story[] = [
  {
    story: "a double click",
    async play(page, name) {
      await post(page, name, 2);
      await untilPosted(page, name);
    },
  },
  {
    story: "a lost answer",
    async play(page, name) {
      const lost = atFirstPost(page, async (route) => {
        await route.fetch();
        await route.abort("connectionreset");
      });
      await post(page, name);
      await lost;
      await untilPosted(page, name);
    },
  },
  {
    story: "a reload and the same post again",
    async play(page, name) {
      // The page never gets the answer.
      const answered = atFirstPost(page, async (route) => void (await route.fetch()));
      await post(page, name);
      await answered;
      await page.reload();
      await post(page, name);
      await expect.poll(() => title(page).inputValue(), { timeout: 600_000 }).toBe("");
    },
  },
  {
    story: "a server that is killed before its answer arrives",
    async play(page, name, server) {
      const killed = atFirstPost(page, async (route) => {
        await route.fetch();
        await server.kill();
        await route.abort("connectionreset");
      });
      await post(page, name);
      await killed;
      await server.restart();
      await untilPosted(page, name);
    },
  },
];

/** Does something instead of sending the first request to post; ends when that is done. */
function atFirstPost(page: Page, instead: (route: Route) => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    page
      .route("**/api/trpc/post.create*", (route) => instead(route).then(resolve, reject), { times: 1 })
      .catch(reject);
  });
}

const variants: Variant[] = [
  { prisma: 6, isExternal: false },
  { prisma: 7, isExternal: true },
];
const modes: Mode[] = ["next start", "next dev --turbo"];

describe.each(variants)("create-t3-app with Prisma $prisma, external: $isExternal", (variant) => {
  let app: T3App;
  beforeAll(async () => {
    app = await installT3(variant);
    // Who builds need not have the database.
    await app.execute("ALTER TABLE idempotency_step RENAME TO away");
    await app.build();
    await app.execute("ALTER TABLE away RENAME TO idempotency_step");
  }, 1_800_000);
  afterAll(() => app[Symbol.dispose]());

  it("answers nothing without a table of the library", async () => {
    await app.execute("ALTER TABLE idempotency_step RENAME TO away");
    await expect(app.start("next start")).rejects.toThrow("500");
    await app.execute("ALTER TABLE away RENAME TO idempotency_step");
  });

  describe.each(modes)("%s", (mode) => {
    let server: T3Server;
    beforeAll(async () => {
      server = await app.start(mode);
    }, 1_800_000);
    afterAll(() => server.kill());

    it.each(stories)("$story makes one post", async ({ story, play }) => {
      await using context = await browser.newContext();
      context.setDefaultTimeout(600_000);
      const page = await context.newPage();
      await page.goto(server.url);
      const name = `${mode}: ${story}`;
      await play(page, name, server);
      expect(await app.posts(name)).toBe(1);
    });
  });
});
