/** Who gets into the console, how far, and what everybody is told. */
import { beforeAll, describe, expect, it, test } from "vitest";
import { type Authorize, createConsole, type OperatorRights } from "../../src/console/index.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { warningsDuring } from "../support/runs.ts";
import { KEYS, makeRecords, type Shop, shopOf } from "./records.ts";
import { consoleOf, idsIn, ORIGIN, textOf, type Visitor } from "./support.ts";

const NOBODY = "x".repeat(43);
const PATHS = [
  "",
  "/",
  "/overview",
  `/records/${NOBODY}`,
  `/records/${NOBODY}/forget`,
  "/no-such-page",
  "/..",
];
const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];

/** All that a console does with the database throws: those who are not let in must not get as far. */
const untouchable = new Proxy({} as Shop, {
  get: () => () => {
    throw new Error("the database was asked");
  },
});

describe("option authorize", () => {
  const everywhere = PATHS.flatMap((path) => METHODS.map((method) => ({ path, method })));

  it.each([[false], [undefined], [null], [{ scope: [] }]])(
    "that says %s lets nobody in, whatever the route and the method",
    async (said) => {
      const visitor = consoleOf(untouchable, () => said);
      for (const { path, method } of everywhere) {
        const { status, html, headers } = await visitor.send(`/onceonly${path}`, { method });
        expect([method, path, status, html, headers.get("set-cookie")]).toEqual([
          method,
          path,
          403,
          "Forbidden\n",
          null,
        ]);
      }
    },
  );

  it.each<[string, Authorize]>([
    ["throws", () => Promise.reject(new Error("the session store is away at 10.0.0.7"))],
    ["returns a number", () => 1 as never],
    ["returns an array", () => ["u"] as never],
    ["returns an error", () => new Error("not signed in") as never],
    ["returns a map", () => new Map([["scope", "u"]]) as never],
    [
      "returns an object of a class",
      () =>
        new (class Session {
          readonly #scope = "u";
          get scope2() {
            return this.#scope;
          }
        })() as never,
    ],
    ["returns a scope that is no number", () => ({ scope: Number.NaN })],
    ["returns a right that does not exist", () => ({ scopes: ["u"] }) as never],
    ["returns no scope where it names one", () => ({ scope: undefined }) as never],
    ["returns an empty scope", () => ({ scope: "" })],
    ["returns scopes of which one is none", () => ({ scope: ["u", undefined as never] })],
    ["returns what is not whether records may be forgotten", () => ({ mayForget: "no" as never })],
  ])("that %s lets nobody in, and the reason is a warning", async (_what, authorize) => {
    const visitor = consoleOf(untouchable, authorize);
    const asked = everywhere.filter(({ method }) => ["GET", "POST"].includes(method));
    const warnings = await warningsDuring(async () => {
      for (const { path, method } of asked) {
        const { status, html } = await visitor.send(`/onceonly${path}`, { method });
        expect([method, path, status, html]).toEqual([method, path, 500, "Internal Server Error\n"]);
      }
    });
    expect(warnings).toHaveLength(asked.length);
    expect(new Set(warnings.map(({ name }) => name))).toEqual(new Set(["OnceonlyConsoleWarning"]));
  });

  it("may give a response of its own, such as the way to sign in", async () => {
    const visitor = consoleOf(untouchable, () => Response.redirect(`${ORIGIN}/login`, 302));
    const { status, headers } = await visitor.get("/overview");
    expect([status, headers.get("location")]).toEqual([302, `${ORIGIN}/login`]);
  });

  it("is given the request", async () => {
    const seen: string[] = [];
    const visitor = consoleOf(untouchable, ({ method, url, headers }) => {
      seen.push(`${method} ${url} ${headers.get("cookie")}`);
      return false;
    });
    visitor.cookie = "session=1";
    await visitor.get("/overview?a=b");
    expect(seen).toEqual([`GET ${ORIGIN}/onceonly/overview?a=b session=1`]);
  });

  it("must be there", () => {
    expect(() => createConsole({ idempotency: untouchable } as never)).toThrow(
      "onceonly: option authorize is of type undefined; give a function that says who may look, such as (request) => isSupport(request)",
    );
  });
});

test.each<[object, string]>([
  [
    { idempotency: {}, authorize: () => true },
    "option idempotency is of type object; give an object with the functions list",
  ],
  [
    { authorize: () => true },
    "option idempotency is of type undefined; give the object that createIdempotency made",
  ],
  [{ idempotency: untouchable, authorize: true }, "option authorize is of type boolean"],
  [
    { idempotency: untouchable, authorize: () => true, basePath: "admin" },
    'option basePath is of type string ("admin"); give a path',
  ],
  [{ idempotency: untouchable, authorize: () => true, basePath: "//evil.example" }, "option basePath"],
  [{ idempotency: untouchable, authorize: () => true, basepath: "/" }, "did you mean basePath?"],
])("options that cannot be used are refused: %o", (options, message) => {
  expect(() => createConsole(options as never)).toThrow(message.replace("", ""));
});

test("what is no Request is refused with the way out", async () => {
  const handler = createConsole({ idempotency: untouchable, authorize: () => true });
  await expect(handler({ url: "/onceonly", headers: {} } as never)).rejects.toThrow("through an adapter");
});

describe.each(databases)("an operator of some scopes, on $name", ({ open }) => {
  let db: TestDatabase;
  let shop: Shop;
  let ids: Map<string, string>;
  beforeAll(async () => {
    db = await open();
    shop = shopOf(db);
    const records = await makeRecords(db, shop);
    ids = new Map((await shop.list()).records.map(({ key, id }) => [key, id]));
    return async () => {
      await records[Symbol.asyncDispose]();
      await db[Symbol.asyncDispose]();
    };
  });
  const idOf = (key: keyof typeof KEYS) => ids.get(KEYS[key]) ?? expect.fail();
  const of = (rights: OperatorRights): Visitor => consoleOf(shop, () => rights);

  it("lists and searches the records of these alone", async () => {
    const all = idsIn((await of({}).get("/")).html);
    expect(new Set(all)).toEqual(new Set(ids.values()));
    const mine = of({ scope: "user-7" });
    expect(idsIn((await mine.get("/")).html)).toEqual([idOf("other")]);
    expect(idsIn((await mine.get(`/?key=${KEYS.completed}`)).html)).toEqual([]);
    expect(idsIn((await mine.get("/?operation=orders.place&state=completed")).html)).toEqual([idOf("other")]);
    expect(idsIn((await of({ scope: ["user-7", "user-8"] }).get("/")).html)).toEqual([idOf("other")]);
    expect(idsIn((await of({ scope: ["user-7", "user-42"] }).get("/")).html)).toEqual(all);
  });

  it("gets nothing by naming another scope", async () => {
    const { status, html } = await of({ scope: "user-7" }).get("/?scope=user-42");
    expect([status, idsIn(html)]).toEqual([400, []]);
    expect(textOf(html)).toContain("This scope is not among yours.");
    // Not even by naming both.
    expect(idsIn((await of({ scope: "user-7" }).get("/?scope=user-7&scope=user-42")).html)).toEqual([
      idOf("other"),
    ]);
  });

  it("gets nothing by a place in somebody else's list", async () => {
    const { next } = await shop.list({ limit: 1 });
    const { html } = await of({ scope: "user-7" }).get(`/?after=${next}`);
    expect(idsIn(html).filter((id) => id !== idOf("other"))).toEqual([]);
  });

  it("finds no other record by its id: it looks as if there were none", async () => {
    const visitor = of({ scope: "user-7", mayForget: true });
    for (const path of ["", "/forget"]) {
      const theirs = await visitor.get(`/records/${idOf("completed")}${path}`);
      const nobodys = await visitor.get(`/records/${NOBODY}${path}`);
      expect(theirs.status).toBe(404);
      expect(theirs.html.replaceAll(idOf("completed"), NOBODY)).toBe(nobodys.html);
    }
    expect((await visitor.get(`/records/${idOf("other")}`)).status).toBe(200);
    // Searched for, it leads nowhere either.
    expect((await visitor.get(`/?key=${idOf("completed")}`)).status).toBe(200);
    expect((await visitor.get(`/?key=${idOf("other")}`)).headers.get("location")).toBe(
      `/onceonly/records/${idOf("other")}`,
    );
  });

  it("learns nothing of another record by how it fails", async () => {
    const reading: string[] = [];
    const failing = {
      ...shop,
      inspect: (name: { id: string }) => {
        reading.push(name.id);
        return Promise.reject(new Error("the key service is away"));
      },
    } as typeof shop;
    const visitor = consoleOf(failing, () => ({ scope: "user-7" }));
    expect((await visitor.get(`/onceonly/records/${idOf("completed")}`)).status).toBe(404);
    expect(reading).toEqual([]);
  });

  it("forgets no other record, even with the form of somebody who may", async () => {
    const id = idOf("failed");
    const master = of({ mayForget: true });
    const form = await master.forgetForm(id);
    const visitor = of({ scope: "user-7", mayForget: true });
    visitor.cookie = master.cookie;
    const { headers } = await visitor.post(`/records/${id}/forget`, form);
    const { html } = await visitor.send(headers.get("location") ?? "");
    expect(textOf(html)).toContain("There was no record any more: nothing was deleted.");
    expect((await shop.inspect({ id })).state).toBe("failed");
  });

  it("is not told how many records others have", async () => {
    const { html, status } = await of({ scope: "user-7" }).get("/overview");
    expect(status).toBe(200);
    expect(textOf(html)).toContain("The overview counts the records of all scopes. You see those of some");
    expect(html).not.toContain("payments.capture");
    expect(html).not.toContain("<dl");
    expect((await of({}).get("/overview")).html).toContain("payments.capture");
  });

  it("may forget only if it says so", async () => {
    const id = idOf("other");
    const master = of({ mayForget: true });
    const form = await master.forgetForm(id);
    for (const rights of [true, {}, { scope: "user-7" }, { mayForget: false }] as const) {
      const visitor = consoleOf(shop, () => rights);
      visitor.cookie = master.cookie;
      expect((await visitor.get(`/records/${id}`)).html).not.toContain("/forget");
      expect((await visitor.get(`/records/${id}/forget`)).status).toBe(403);
      expect((await visitor.post(`/records/${id}/forget`, form)).status).toBe(403);
    }
    expect((await shop.inspect({ id })).state).toBe("completed");
    expect((await of({ scope: "user-7", mayForget: true }).get(`/records/${id}`)).html).toContain("/forget");
  });
});
