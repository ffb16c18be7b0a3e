import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import { app, codeIn, freshKey, place, requestOf, type Sent } from "./support.ts";

let db: TestDatabase;

beforeAll(async () => {
  db = await openSqlite();
});
afterAll(() => db[Symbol.asyncDispose]());

const json = { "content-type": "application/json" };
const form = { "content-type": "application/x-www-form-urlencoded" };

/** Whether two requests with one key count as the same. */
async function same(first: Sent, second: Sent, operation?: string): Promise<boolean> {
  const { send } = app(
    db.prisma,
    async (request) => new Response(await request.text()),
    operation === undefined ? {} : { operation },
  );
  const key = freshKey();
  expect((await send({ key, ...first })).status).toBe(200);
  const answer = await send({ key, ...second });
  if (answer.replayed) return true;
  expect(codeIn(answer)).toEqual([422, "KEY_REUSED"]);
  return false;
}

describe("the key of a request", () => {
  it.each([
    ["none", null, "KEY_MISSING"],
    ["empty", "", "KEY_INVALID"],
    ["empty in quotes", '""', "KEY_INVALID"],
    ["256 characters", `"${"x".repeat(256)}"`, "KEY_INVALID"],
    ["256 bare characters", "x".repeat(256), "KEY_INVALID"],
    ["100,000 characters", "x".repeat(100_000), "KEY_INVALID"],
    ["an unclosed quote", '"k', "KEY_INVALID"],
    ["a quote in the middle", 'a"b', "KEY_INVALID"],
    ["a list", '"a", "b"', "KEY_INVALID"],
    ["a bare list", "a, b", "KEY_INVALID"],
    ["a list of one key twice", '"a", "a"', "KEY_INVALID"],
    ["a number", "?1", "KEY_INVALID"],
    ["a byte sequence", ":YQ==:", "KEY_INVALID"],
    ["an inner list", '("a")', "KEY_INVALID"],
    ["Latin-1", '"\u00e9"', "KEY_INVALID"],
    ["a tab", '"a\tb"', "KEY_INVALID"],
    ["a list for a batch", '"a", ?0', "KEY_INVALID"],
  ])("%s is refused with 400, before anything else", async (_, key, code) => {
    const before = await db.countOrders();
    let asked = 0;
    const { send } = app(db.prisma, place, {
      scope: () => {
        asked += 1;
        return "ada";
      },
    });
    const answer = await send({ key, body: "{ no json", headers: json });
    expect(codeIn(answer)).toEqual([400, code]);
    expect(answer.headers.get("retry-after")).toBe(null);
    expect([asked, await db.countOrders()]).toEqual([0, before]);
  });

  it("sent in two headers is refused, as either may be the one that the client repeats", async () => {
    const { handle } = app(db.prisma, place);
    const request = requestOf({ key: '"a"' });
    request.headers.append("idempotency-key", '"a"');
    expect((await handle(request)).status).toBe(400);
  });

  it("is the same in quotes and bare", async () => {
    const { send } = app(db.prisma, place);
    expect((await send({ key: '"quoted"' })).replayed).toBe(false);
    expect((await send({ key: "quoted" })).replayed).toBe(true);
  });

  it("comes from option key first, which may read the body", async () => {
    const { send } = app(
      db.prisma,
      async (request) => Response.json({ got: ((await request.json()) as { id: string }).id }),
      { key: async (request) => ((await request.clone().json()) as { id?: string }).id },
    );
    const body = JSON.stringify({ id: "evt_1" });
    expect(await send({ key: null, body })).toMatchObject({ status: 200, text: '{"got":"evt_1"}' });
    expect(await send({ key: null, body })).toMatchObject({ replayed: true });
    expect(await send({ key: freshKey(), body: "{}" })).toMatchObject({ status: 200, replayed: false });
    expect(codeIn(await send({ key: null, body: "{}" }))).toEqual([400, "KEY_MISSING"]);
    expect(codeIn(await send({ key: null, body: '{"id":"schlüssel"}' }))).toEqual([400, "KEY_INVALID"]);
    expect(codeIn(await send({ key: null, body: '{"id":7}' }))).toEqual([400, "KEY_INVALID"]);
  });

  it("needs a scope", async () => {
    for (const scope of [undefined, null, "", Number.NaN]) {
      const { send } = app(db.prisma, place, { scope: () => scope });
      expect(codeIn(await send({ key: freshKey() }))).toEqual([500, "SCOPE_MISSING"]);
    }
  });
});

describe("what a retry must repeat", () => {
  it.each<[string, Sent, Sent]>([
    [
      "the order of JSON's keys",
      { body: '{"a":1,"b":[2]}', headers: json },
      { body: '{ "b": [2], "a": 1.0 }', headers: json },
    ],
    [
      "the charset of JSON",
      { body: "{}", headers: json },
      { body: "{}", headers: { "content-type": "Application/JSON; charset=utf-8" } },
    ],
    [
      "the key order of vendor JSON",
      { body: '{"a":1,"b":2}', headers: { "content-type": "application/vnd.api+json" } },
      { body: '{"b":2,"a":1}', headers: { "content-type": "application/vnd.api+json" } },
    ],
    [
      "the order of JSON's keys beside long digits in a string",
      { body: '{"card":"4111111111111111","b":"\\"1e400"}', headers: json },
      { body: '{"b":"\\"1e400","card":"4111111111111111"}', headers: json },
    ],
    [
      "the order of JSON's keys beside a number beyond a double",
      { body: '{"a":9007199254740993,"b":["\\\\",1e400]}', headers: json },
      { body: '{ "b": ["\\u005c", 1e400], "a": 9007199254740993 }', headers: json },
    ],
    ["how a form is escaped", { body: "a=x+y&b=%41", headers: form }, { body: "a=x%20y&b=A", headers: form }],
    ["how a query is escaped", { path: "/o?a=x+y" }, { path: "/o?a=x%20y" }],
    [
      "other headers",
      { headers: { accept: "text/html" } },
      { headers: { accept: "application/json", "x-trace": "1" } },
    ],
    [
      "a form's length as a stream",
      { body: "abc" },
      { body: new Blob(["a", "bc"]).stream(), headers: { "content-type": "text/plain;charset=UTF-8" } },
    ],
  ])("%s does not count", async (_, first, second) => {
    expect(await same(first, second)).toBe(true);
  });

  it.each<[string, Sent, Sent]>([
    ["a value in JSON", { body: '{"a":1}', headers: json }, { body: '{"a":"1"}', headers: json }],
    ["the order of a JSON list", { body: "[1,2]", headers: json }, { body: "[2,1]", headers: json }],
    ["null and absent in JSON", { body: '{"a":null}', headers: json }, { body: "{}", headers: json }],
    [
      "digits beyond a double",
      { body: "[9007199254740993]", headers: json },
      { body: "[9007199254740992]", headers: json },
    ],
    [
      "decimals beyond a double",
      { body: "[0.1000000000000000055]", headers: json },
      { body: "[0.1]", headers: json },
    ],
    ["numbers beyond a double", { body: "[1e400]", headers: json }, { body: "[1e401]", headers: json }],
    [
      "numbers too small for a double",
      { body: "[1e-400]", headers: json },
      { body: "[1e-401]", headers: json },
    ],
    [
      "digits beyond a double after a quote in a string",
      { body: '["\\"",9007199254740993]', headers: json },
      { body: '["\\"",9007199254740992]', headers: json },
    ],
    [
      "a number beyond a double and a text of its digits",
      { body: '{"a":9007199254740993}', headers: json },
      { body: '{"a":"9007199254740993"}', headers: json },
    ],
    [
      "a number beyond a double and what it might be written as",
      { body: '{"a":9007199254740993}', headers: json },
      { body: '{"sa":"n9007199254740993"}', headers: json },
    ],
    ["a body and none", { body: "{}", headers: json }, { headers: json }],
    ["a form's field", { body: "a=1", headers: form }, { body: "a=2", headers: form }],
    ["the order of a form's fields", { body: "a=1&a=2", headers: form }, { body: "a=2&a=1", headers: form }],
    ["bytes of a form that are no UTF-8", { body: "a=%ff", headers: form }, { body: "a=%fe", headers: form }],
    ["a question mark before a form", { body: "?a=1", headers: form }, { body: "a=1", headers: form }],
    ["a byte order mark before a form", { body: "\ufeffa=1", headers: form }, { body: "a=1", headers: form }],
    ["bytes of a query that are no UTF-8", { path: "/o?a=%ff" }, { path: "/o?a=%fe" }],
    ["a question mark before a query", { path: "/o??a=1" }, { path: "/o?a=1" }],
    ["a byte", { body: new Uint8Array([1, 2]) }, { body: new Uint8Array([1, 3]) }],
    ["white space in text", { body: "a b" }, { body: "a  b" }],
    [
      "the media type",
      { body: "{}", headers: json },
      { body: "{}", headers: { "content-type": "text/plain" } },
    ],
    ["the query", { path: "/o?a=1" }, { path: "/o?a=2" }],
    ["the order of the query", { path: "/o?a=1&a=2" }, { path: "/o?a=2&a=1" }],
    [
      "nested too deeply, by bytes",
      { body: "[".repeat(5_000) + "]".repeat(5_000), headers: json },
      { body: `[${"[".repeat(5_000)}${"]".repeat(5_000)}]`, headers: json },
    ],
  ])("%s counts", async (_, first, second) => {
    expect(await same(first, second)).toBe(false);
  });

  it("the path and the method count where one operation has many", async () => {
    expect(await same({ path: "/accounts/a" }, { path: "/accounts/b" }, "deposit")).toBe(false);
    expect(await same({ method: "POST" }, { method: "PATCH" }, "deposit")).toBe(false);
    expect(await same({ path: "/accounts/a" }, { path: "/accounts/a" }, "deposit")).toBe(true);
  });

  it("multipart counts by content, whatever its boundary", async () => {
    const upload = (text: string, name = "a.txt") => {
      const data = new FormData();
      data.append("note", "ü");
      data.append("file", new File([text], name, { type: "text/plain" }));
      return { body: data };
    };
    expect(await same(upload("content"), upload("content"))).toBe(true);
    expect(await same(upload("content"), upload("contend"))).toBe(false);
    expect(await same(upload("content"), upload("content", "b.txt"))).toBe(false);
    // Half a surrogate pair, as of an emoji that was cut off, is sent as U+FFFD.
    expect(await same(upload("content", "\ud83d.txt"), upload("content", "\ud83d.txt"))).toBe(true);
    expect(await same(upload("content", "\ud83d.txt"), upload("contend", "\ud83d.txt"))).toBe(false);
  });

  it.each([
    ["a field", '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n', "\r\n--x--\r\n"],
    [
      "a file's name",
      '--x\r\ncontent-disposition: form-data; name="a"; filename="',
      '"\r\nContent-Type: text/plain\r\n\r\nb\r\n--x--\r\n',
    ],
  ])("bytes of a multipart body that are no UTF-8 count: %s", async (_, before, after) => {
    const upload = (byte: number) => ({
      body: Buffer.concat([Buffer.from(before), Buffer.from([byte]), Buffer.from(after)]),
      headers: { "content-type": "multipart/form-data; boundary=x" },
    });
    expect(await same(upload(0xff), upload(0xff))).toBe(true);
    expect(await same(upload(0xff), upload(0xfe))).toBe(false);
  });

  it("a body too large to be put in order counts by its bytes", async () => {
    const { send } = app(db.prisma, place, { bodyBytesMax: 20_000_000 });
    const key = freshKey();
    const body = "a&".repeat(2_000_000);
    expect((await send({ key, body, headers: form })).status).toBe(201);
    expect((await send({ key, body, headers: form })).replayed).toBe(true);
    expect((await send({ key, body: `${body}b`, headers: form })).status).toBe(422);
  });

  it("a compressed body counts by its bytes", async () => {
    const headers = { ...json, "content-encoding": "gzip" };
    expect(await same({ body: "not json", headers }, { body: "not json", headers })).toBe(true);
    expect(await same({ body: "not json", headers }, { body: "not  json", headers })).toBe(false);
  });
});

describe("option input", () => {
  it("says what a retry must repeat, and leaves the handler its body", async () => {
    const bodies: string[] = [];
    const { send } = app(
      db.prisma,
      async (request) => {
        bodies.push(await request.text());
        return new Response("done");
      },
      { input: async (request) => ((await request.json()) as { id: string }).id, operation: "webhook" },
    );
    const key = freshKey();
    const bodyOf = (id: string, time: number) => JSON.stringify({ id, time });
    expect((await send({ key, headers: json, body: bodyOf("a", 1) })).text).toBe("done");
    expect((await send({ key, headers: json, path: "/other", body: bodyOf("a", 2) })).replayed).toBe(true);
    expect(codeIn(await send({ key, headers: json, body: bodyOf("b", 1) }))).toEqual([422, "KEY_REUSED"]);
    expect(bodies).toEqual([bodyOf("a", 1)]);
  });

  it("that cannot be compared is a problem of 400, or 413 when it is too large", async () => {
    const large = Array.from({ length: 9_000 }, (_, n) => `${n}`.padEnd(1_000));
    for (const [input, status] of [
      [new Error("x"), 400],
      [large, 413],
    ] as const) {
      const { send } = app(db.prisma, place, { input: () => input });
      expect(codeIn(await send({ key: freshKey() }))).toEqual([status, "INPUT_INVALID"]);
    }
  });
});

describe("the default operation", () => {
  it("is one for paths that routers take for one", async () => {
    const { send } = app(db.prisma, place);
    const key = freshKey();
    expect((await send({ key, path: "/p/1" })).status).toBe(201);
    for (const path of ["/p/1/", "//p//1", "/p/1//"]) {
      expect((await send({ key, path })).replayed).toBe(true);
    }
    expect((await send({ key, path: "/p/2" })).replayed).toBe(false);
  });

  it("is method and path, of any length", async () => {
    const { send } = app(db.prisma, place);
    const path = `/${"long/".repeat(1_000)}`;
    const key = freshKey();
    expect((await send({ key, path })).status).toBe(201);
    expect((await send({ key, path })).replayed).toBe(true);
    expect((await send({ key, path: `${path}x` })).replayed).toBe(false);
    expect((await send({ key: freshKey(), path: "/%00/%0a" })).status).toBe(201);
  });
});

describe("what is no Request", () => {
  it.each<[string, () => unknown, string]>([
    [
      "Hono's context",
      () => ({ req: { raw: requestOf() } }),
      "a context in place of a Request; pass its Request on",
    ],
    [
      "a request of node:http",
      () => ({ method: "POST", url: "/orders", headers: {}, socket: {} }),
      "a request of node:http in place of a Request; wrap the handler with createServerAdapter",
    ],
    ["nothing", () => undefined, "a value of type undefined in place of a Request; call it with a Request"],
  ])("is refused before the handler runs: %s", async (_what, made, message) => {
    let calls = 0;
    const { handle } = app(db.prisma, () => new Response(String((calls += 1))));
    await expect(handle(made() as Request)).rejects.toThrow(`onceonly: the wrapped handler got ${message}`);
    expect(calls).toBe(0);
  });
});
