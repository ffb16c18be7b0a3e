/** What the pages show, whatever is stored, and what every response says to browsers. */
import { Window } from "happy-dom";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { createConsole } from "../../src/console/index.ts";
import { IdempotencyError } from "../../src/core/contract/errors/errors.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { expire, warningsDuring } from "../support/runs.ts";
import { KEYS, makeRecords, type Shop, shopOf } from "./records.ts";
import { consoleOf, idsIn, textOf, Visitor } from "./support.ts";

const HEADERS = {
  "cache-control": "no-store",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "same-origin",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};
const NOBODY = "x".repeat(43);

/** With members that are other than those of the shop. */
const instead = (shop: Shop, members: Partial<Shop>): Shop =>
  new Proxy(shop, {
    get(target, name) {
      const value: unknown = Reflect.get(Object.hasOwn(members, name) ? members : target, name);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });

/** A page as a browser reads it. */
function parsed(html: string) {
  const { document } = new Window();
  document.write(html);
  return document;
}

describe.each(databases)("the pages on $name", ({ open }) => {
  let db: TestDatabase;
  let shop: Shop;
  let visitor: Visitor;
  let ids: Map<string, string>;
  let records: AsyncDisposable;
  beforeAll(async () => {
    db = await open();
    shop = shopOf(db);
    records = await makeRecords(db, shop);
    visitor = consoleOf(shop, () => ({ mayForget: true }));
    ids = new Map((await shop.list()).records.map(({ key, id }) => [key, id]));
  });
  afterAll(async () => {
    await records[Symbol.asyncDispose]();
    await db[Symbol.asyncDispose]();
  });
  const show = async (key: keyof typeof KEYS) =>
    textOf((await visitor.get(`/records/${ids.get(KEYS[key])}`)).html);

  it("tell browsers to run nothing, load nothing, keep nothing and frame nothing, in every response", async () => {
    const id = ids.get(KEYS.completed);
    const failing = consoleOf(instead(shop, { list: () => Promise.reject(new Error("no")) }), () => true);
    const responses = [
      await visitor.get("/"),
      await visitor.get("/?state=gone"),
      await visitor.get("/overview"),
      await visitor.get(`/records/${id}`),
      await visitor.get(`/records/${NOBODY}`),
      await visitor.get(`/records/${id}/forget`),
      await visitor.get("/no-such-page"),
      await visitor.post(`/records/${id}/forget`, {}),
      await visitor.post("/", {}),
      await visitor.get(`/?key=${id}`),
      await consoleOf(shop, () => false).get("/"),
      await consoleOf(shop, () => Promise.reject(new Error("no"))).get("/"),
      await failing.get("/"),
    ];
    expect(responses.map(({ status }) => status)).toEqual([
      200, 400, 200, 200, 404, 200, 404, 403, 405, 303, 403, 500, 500,
    ]);
    for (const { headers, status } of responses) {
      expect({ status, ...Object.fromEntries(headers) }).toMatchObject({ status, ...HEADERS });
      expect(headers.get("content-security-policy")).toMatch(
        /^default-src 'none'; (style-src 'sha256-[\w+/]{43}='; )?form-action 'self'; frame-ancestors 'none'; base-uri 'none'$/,
      );
      if (status !== 303) expect(headers.get("content-type")).toMatch(/^text\/(html|plain); charset=utf-8$/);
    }
  });

  it("answer HEAD as GET, without the page, and no other method where there is no form", async () => {
    for (const path of ["/", "/overview", `/records/${NOBODY}`]) {
      const [get, head] = [
        await visitor.get(path),
        await visitor.send(`/onceonly${path}`, { method: "HEAD" }),
      ];
      expect([head.status, head.html]).toEqual([get.status, ""]);
      expect(Object.fromEntries(head.headers)).toEqual(Object.fromEntries(get.headers));
      for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
        const { status, headers } = await visitor.send(`/onceonly${path}`, { method });
        expect([method, path, status, headers.get("allow")]).toEqual([method, path, 405, "GET, HEAD"]);
      }
    }
    const { headers } = await visitor.send(`/onceonly/records/${NOBODY}/forget`, { method: "DELETE" });
    expect(headers.get("allow")).toBe("GET, HEAD, POST");
  });

  it.each([
    "/records",
    "/records/",
    "/records/short",
    `/records/${NOBODY}/`,
    `/records/${NOBODY}/delete`,
    "/overview/",
  ])("there is none at %s", async (path) => {
    const { status, html } = await visitor.get(path);
    expect([status, textOf(html).includes("Page not found")]).toEqual([404, true]);
  });

  it("stand where option basePath says, and say so elsewhere", async () => {
    const at = (basePath: string) =>
      new Visitor(createConsole({ idempotency: shop, authorize: () => true, basePath }));
    expect((await at("/").send("/")).html).toContain(`href="/records/${ids.get(KEYS.failed)}"`);
    expect((await at("/a/b/").send("/a/b")).html).toContain(`href="/a/b/records/${ids.get(KEYS.failed)}"`);
    const { status, html } = await at("/a").send("/ab");
    expect([status, textOf(html)]).toEqual([
      404,
      expect.stringContaining("This console stands at /a by its option"),
    ]);
  });

  it("show what became of each kind of record", async () => {
    expect(await show("completed")).toMatch(
      / completed .*Made once\. Every retry .* Claimed .* Completed .* Expires /,
    );
    expect(await show("completed")).toContain("total: Decimal 249.9, placedAt: 2026-01-01T00:00:00.000Z");
    expect(await show("failed")).toMatch(
      / failed .* Error .* CardDeclined : The card was declined by its bank\. .*code: "card_declined"/,
    );
    expect(await show("stepped")).toMatch(
      / Claimed .* Step card charged .* Step order written .* Step receipt sent .* Completed .* Steps .* Input .*card: "tok_visa"/,
    );
    expect(await show("alive")).toMatch(/ in progress .* being executed now.* Leased until /);
    expect(await show("abandoned")).toMatch(
      / abandoned .* nobody executes.* Abandoned .*The lease has lapsed, or was given back/,
    );
    expect(await show("expired")).toMatch(
      / completed expired .*The retention is over: the next request with this key executes again/,
    );
  });

  it("search by each field", async () => {
    const found = async (query: Record<string, string>) =>
      idsIn((await visitor.get(`/?${new URLSearchParams(query).toString()}`)).html).map(
        (id) => [...ids].find(([, each]) => each === id)?.[0],
      );
    expect(await found({ key: ` ${KEYS.failed} ` })).toEqual([KEYS.failed]);
    // As it stands in the header.
    expect(await found({ key: `"${KEYS.failed}"` })).toEqual([KEYS.failed]);
    expect(await found({ state: "abandoned" })).toEqual([KEYS.abandoned]);
    expect(await found({ operation: "reports.export" })).toEqual([KEYS.alive]);
    expect(await found({ scope: "user-7" })).toEqual([KEYS.other]);
    expect(new Set(await found({ state: "in_progress" }))).toEqual(new Set([KEYS.alive, KEYS.abandoned]));
    expect(await found({ state: "failed", before: "2020-01-01T00:00" })).toEqual([]);
    expect(await found({ state: "failed", from: "2020-01-01T00:00:01", before: "2999-01-01T00:00" })).toEqual(
      [KEYS.failed],
    );
    const { headers } = await visitor.get(`/?key=${ids.get(KEYS.failed)}`);
    expect(headers.get("location")).toBe(`/onceonly/records/${ids.get(KEYS.failed)}`);
  });

  it.each([
    ["key=ä", "key"],
    ["operation=" + "o".repeat(256), "operation"],
    ["from=yesterday", "from"],
    ["before=2026-02-30T25:00", "before"],
    ["state=gone", undefined],
    ["after=nonsense", undefined],
    ["scope=%00", "scope"],
  ])("say what is wrong with the search %s", async (query, field) => {
    const { status, html } = await visitor.get(`/?${query}`);
    expect([status, idsIn(html)]).toEqual([400, []]);
    const document = parsed(html);
    const problem = document.querySelector("#search-problem[role=alert]");
    expect(problem?.textContent).toMatch(/^[A-Z].*[.]$/);
    const marked = document.querySelector("[aria-invalid][aria-describedby=search-problem]");
    expect(marked?.getAttribute("name")).toBe(field);
  });

  it("count once for all who look, and again after a failure", async () => {
    let counted = 0;
    let fails = true;
    const counting = instead(shop, {
      async countByOperation(options) {
        counted += 1;
        await new Promise((resolve) => setTimeout(resolve, 20));
        if (fails) throw new IdempotencyError("STORE_UNAVAILABLE", "away", { phase: "check" } as never);
        return shop.countByOperation(options);
      },
    });
    const support = consoleOf(counting, () => true);
    const warnings = await warningsDuring(async () => {
      const [first, second] = await Promise.all([support.get("/overview"), support.get("/overview")]);
      expect([first.status, second.status, counted]).toEqual([503, 503, 1]);
      expect(textOf(first.html)).toContain("The database is away");
    });
    expect(warnings.map(({ name }) => name)).toEqual(["OnceonlyConsoleWarning", "OnceonlyConsoleWarning"]);
    fails = false;
    const all = await Promise.all([
      support.get("/overview"),
      support.get("/overview"),
      support.get("/overview"),
    ]);
    expect(all.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await support.get("/overview")).html).toBe(all[0]?.html);
    expect(counted).toBe(2);
  });
});

describe.each(databases)("what clients have sent, on $name,", ({ open }) => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await open();
  });
  afterAll(() => db[Symbol.asyncDispose]());
  const HOSTILE = [
    `<script>alert("1")</script>`,
    `</style></title></pre><img src=x onerror=alert(1)>`,
    `"><a href="javascript:alert(1)" onmouseover='alert(2)'>&lt;b&gt;&amp;`,
    "javascript:alert(1)",
    "user\u202eexe.txt\u2066\u200b\ufeff\u0001\u0085\u2028",
  ];
  const ELEMENTS =
    /^(html|head|meta|title|style|body|a|header|div|span|nav|ul|li|p|main|h1|h2|form|label|input|select|option|button|section|table|thead|tbody|tr|th|td|time|bdi|ol|pre|details|summary|dl|dt|dd|strong|code)$/i;

  /** Nothing that was stored has become anything but text. */
  function expectTame(html: string): void {
    const document = parsed(html);
    for (const element of document.querySelectorAll("*")) {
      expect(element.tagName).toMatch(ELEMENTS);
      for (const { name, value } of element.attributes) {
        expect(name).not.toMatch(/^on|^style$|^src$/i);
        if (/^(href|action)$/.test(name)) expect(value).toMatch(/^(#main$|\/onceonly(\/|$))/);
      }
    }
    expect(document.querySelectorAll("style")).toHaveLength(1);
    // What would not be seen is seen. Ends of lines are those of the style sheet and of values.
    const text = `${document.title}${document.documentElement.textContent}`;
    expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
    expect(html).toMatch(/^<!doctype html>\n<html lang="en">/);
  }

  it.each(HOSTILE)("is text wherever it is shown: %j", async (text) => {
    const shop = shopOf(db);
    // A key is of printable ASCII, and these are no operations of anybody.
    const key = text.replaceAll(/[^ -~]/g, "?");
    const name = { operation: text, scope: text, key };
    const value = {
      [text]: text,
      map: new Map([[text, new Set([text])]]),
      list: [text, 5n, new Date(0), undefined],
    };
    await shop.runLeased({ ...name, input: value }, async ({ step }) => {
      await step(text, () => value);
      return value;
    });
    const visitor = consoleOf(shop, () => ({ mayForget: true, scope: [text, "other"] }));
    const { id } = await shop.inspect(name);
    const query = new URLSearchParams({ key, operation: text, scope: text }).toString();
    const paths = ["/", `/?${query}`, `/records/${id}`, `/records/${id}/forget`, "/overview"];
    for (const path of paths) {
      const { status, html } = await visitor.get(path);
      expect([path, status]).toEqual([path, 200]);
      expectTame(html);
    }
    for (const path of [`/?${query}&state=${encodeURIComponent(text)}`, `/${encodeURIComponent(text)}`]) {
      expectTame((await visitor.get(path)).html);
    }
    expectTame((await consoleOf(shop, () => true).get("/overview")).html);
    const { html } = await visitor.get(`/records/${id}`);
    if (!text.includes("\u202e")) expect(parsed(html).querySelector("h1")?.textContent).toBe(key);
    else expect(textOf(html)).toContain(String.raw`user\u202eexe.txt\u2066\u200b\ufeff\u0001\u0085\u2028`);
  });

  it("and its errors, with NUL and halves of pairs", async () => {
    const shop = shopOf(db).with({ storeError: () => true });
    const text = `${HOSTILE[1]}\u0000\ud800`;
    const error = Object.assign(new Error(text), { name: text, code: text });
    await shop.runSettled({ operation: "o", scope: "s", key: "k1" }, async () => Promise.reject(error));
    const { id } = await shop.inspect({ operation: "o", scope: "s", key: "k1" });
    const { html } = await consoleOf(shop, () => true).get(`/records/${id}`);
    expectTame(html);
    expect(textOf(html)).toContain(String.raw`onerror=alert(1)>\u0000\ud800`);
  });

  it("and names that are no data elsewhere, by another codec", async () => {
    const codec = {
      name: "json",
      encode: JSON.stringify,
      decode: (text: string) => JSON.parse(text) as unknown,
    };
    const shop = shopOf(db).with({ codec });
    const value = JSON.parse(`{"__proto__":{"polluted":"<b>"},"constructor":{"prototype":1}}`) as unknown;
    await shop.run({ operation: "o", scope: "s", key: "k2" }, async () => value);
    const { id } = await shop.inspect({ operation: "o", scope: "s", key: "k2" });
    const { html } = await consoleOf(shop, () => true).get(`/records/${id}`);
    expectTame(html);
    expect(textOf(html)).toContain('{ __proto__: { polluted: "<b>" }, constructor: { prototype: 1 } }');
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it("is shown in part where it is large, also what cannot be decoded", async () => {
    const shop = shopOf(db);
    const name = (key: string) => ({ operation: "o", scope: "s", key });
    const cycle: Record<string, unknown> = { text: "<bb".repeat(100_000) };
    cycle["self"] = cycle;
    await shop.run(name("large"), async () => cycle);
    const { id } = await shop.inspect(name("large"));
    const { html } = await consoleOf(shop, () => true).get(`/records/${id}`);
    expect(html.length).toBeLessThan(150_000);
    expect(textOf(html)).toContain("Only a part is shown");
    expect(textOf(html)).toContain("self: [Circular]");
    expectTame(html);
    const other = shop.with({ codec: { name: "other", encode: () => "", decode: () => 1 } });
    const unread = await consoleOf(other, () => true).get(`/records/${id}`);
    expect(textOf(unread.html)).toContain(
      'This application cannot decode it: it was stored by the codec "devalue", and is read by "other".',
    );
    expect(textOf(unread.html)).toMatch(/more characters are not shown/);
    expect(unread.html.length).toBeLessThan(350_000);
    expectTame(unread.html);
  });

  it("is shown in part where it has many steps", async () => {
    const shop = shopOf(db);
    const name = { operation: "o", scope: "s", key: "k4" };
    await shop.runLeased(name, async ({ step }) => {
      for (let n = 0; n < 103; n += 1) await step(`step ${n}`, () => "x".repeat(10_000));
    });
    const { id } = await shop.inspect(name);
    const { html } = await consoleOf(shop, () => true).get(`/records/${id}`);
    expect(textOf(html)).toContain(" 3 more steps Completed ");
    expect(textOf(html)).toContain("the first 100 of 103");
    expect(html.length).toBeLessThan(400_000);
  });
});

describe.each(databases)("the list on $name", ({ open }) => {
  it("goes from page to page, each record once", async () => {
    await using db = await open();
    const shop = shopOf(db);
    await Promise.all(
      Array.from({ length: 120 }, (_, n) =>
        shop.run({ operation: "o", scope: `s${n % 2}`, key: `k${n}` }, async () => n),
      ),
    );
    await expire(db, "k1%");
    const visitor = consoleOf(shop, () => ({ scope: ["s0", "s1"] }));
    const seen: string[] = [];
    const counts: number[] = [];
    for (let path: string | undefined = "/?operation=o"; path !== undefined; ) {
      const { html, status } = await visitor.get(path);
      expect(status).toBe(200);
      seen.push(...idsIn(html));
      counts.push(idsIn(html).length);
      path = parsed(html).querySelector("a[rel=next]")?.getAttribute("href")?.slice("/onceonly".length);
      if (path === undefined) expect(textOf(html)).toContain("First page This is the end.");
    }
    expect(counts).toEqual([50, 50, 20]);
    expect(new Set(seen).size).toBe(120);
  });

  it("says how far it has searched, and goes on from there", async () => {
    await using db = await open();
    const shop = shopOf(db);
    const slow = instead(shop, { list: async () => ({ records: [], next: "here" }) });
    const { html } = await consoleOf(slow, () => true).get("/?key=k");
    expect(textOf(html)).toContain("Nothing found so far");
    expect(textOf(html)).toContain("It can go on. Search further");
    expect(parsed(html).querySelector("a[rel=next]")?.getAttribute("href")).toBe(
      "/onceonly/?key=k&after=here",
    );
    const ended = instead(shop, { list: async () => ({ records: [], next: undefined }) });
    expect(textOf((await consoleOf(ended, () => true).get("/?key=k&after=here")).html)).toContain(
      "There are no more.",
    );
  });
});

test("what the database does not answer is said without its words", async () => {
  const failing = [
    [new IdempotencyError("STORE_UNAVAILABLE", "secret", { phase: "check" } as never), 503, "try again"],
    [
      new IdempotencyError("STORE_MISCONFIGURED", "secret", {} as never),
      500,
      "have it call idempotency.check()",
    ],
    [new TypeError("secret"), 500, "The reason is in the log"],
  ] as const;
  for (const [error, status, text] of failing) {
    const visitor = new Visitor(
      createConsole({
        idempotency: {
          list: () => Promise.reject(error),
          inspect: () => expect.fail(),
          forget: () => expect.fail(),
          stats: () => expect.fail(),
          countByOperation: () => expect.fail(),
        },
        authorize: () => true,
      }),
    );
    const warnings = await warningsDuring(async () => {
      const answered = await visitor.get("/");
      expect(answered.status).toBe(status);
      expect(textOf(answered.html)).toContain(text);
      expect(answered.html).not.toContain("secret");
    });
    expect(warnings[0]?.message).toContain("secret");
    expect(warnings[0]?.cause).toBe(error);
  }
});
