/** The console on this machine: who gets in. */
import { type IncomingHttpHeaders, request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ServedConsole, serveConsole } from "../../src/cli/console/serve-console.ts";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import { type Shop, shopOf } from "./records.ts";

interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Unlike `fetch`, it sends the header Host that it is given. */
function send(
  url: URL,
  headers: Readonly<Record<string, string>> = {},
  { method = "GET", body }: { method?: string; body?: string } = {},
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

let db: TestDatabase;
let shop: Shop;
beforeAll(async () => {
  // Nothing of it depends on the database.
  db = await openSqlite();
  shop = shopOf(db);
});
afterAll(() => db[Symbol.asyncDispose]());

describe("serveConsole", () => {
  let served: ServedConsole;
  let url: URL;
  let cookie: string;
  beforeAll(async () => {
    served = await serveConsole({ idempotency: shop });
    url = new URL(served.url);
    const { headers } = await send(url);
    cookie = headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
  });
  afterAll(() => served.close());
  const at = (path: string) => new URL(path, url);

  it("is on 127.0.0.1, and lets in by the token of its address, which leaves the address at once", async () => {
    expect(served.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{43}$/);
    const { status, headers } = await send(at(`/overview${url.search}&a=b`));
    expect([status, headers.location]).toEqual([303, "/overview?a=b"]);
    expect(headers["set-cookie"]).toEqual([
      expect.stringMatching(/^onceonly-console-\d+=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/$/),
    ]);
    const { status: shown, text } = await send(at("/"), { cookie });
    expect([shown, text.includes("<h1>Records</h1>")]).toEqual([200, true]);
  });

  it.each([
    ["without a token", "/", {}],
    ["with another token", `/?token=${"x".repeat(43)}`, {}],
    ["with a part of the token", "/?token=x", {}],
    ["with the cookie of another console", "/overview", { cookie: `onceonly-console-1=${"x".repeat(43)}` }],
  ])("lets nobody in %s", async (_what, path, headers) => {
    for (const method of ["GET", "POST", "DELETE"]) {
      const { status, text } = await send(at(path), headers, { method });
      expect([status, text]).toEqual([403, expect.stringMatching(/^Forbidden: open the address/)]);
    }
  });

  it("lets in no page of another host whose name was pointed here, not even with the token", async () => {
    for (const host of [
      "evil.example",
      `evil.example:${url.port}`,
      "127.0.0.1",
      `127.0.0.1:${url.port}.evil.example`,
    ]) {
      for (const path of ["/", `/${url.search}`]) {
        const { status, headers, text } = await send(at(path), { host, cookie });
        expect([host, status, headers["set-cookie"], text]).toEqual([
          host,
          403,
          undefined,
          expect.stringMatching(/^Forbidden: this console is for the address/),
        ]);
      }
    }
    expect((await send(at("/"), { host: `localhost:${url.port}`, cookie })).status).toBe(200);
  });

  it("takes the token from a link alone, and no form", async () => {
    const { status, headers } = await send(url, {}, { method: "POST" });
    expect([status, headers["set-cookie"]]).toEqual([403, undefined]);
  });

  it("forgets, for a form of its own", async () => {
    const name = { operation: "o", scope: "s", key: "k" };
    await shop.run(name, async () => 1);
    const { id } = await shop.inspect(name);
    const path = at(`/records/${id}/forget`);
    const asked = await send(path, { cookie });
    const fields = Array.from(asked.text.matchAll(/name="(\w+)" value="([^"]*)"/g), ([, field, value]) => [
      field,
      value,
    ]);
    const body = new URLSearchParams(fields as string[][]).toString();
    const type = { "content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin" };
    const both = `${cookie}; ${asked.headers["set-cookie"]?.[0]?.split(";")[0]}`;
    const foreign = await send(
      path,
      { ...type, cookie: both, "sec-fetch-site": "same-site" },
      { method: "POST", body },
    );
    expect([foreign.status, (await shop.inspect(name)).state]).toEqual([403, "completed"]);
    const done = await send(path, { ...type, cookie: both }, { method: "POST", body });
    expect([done.status, (await shop.inspect(name)).state]).toEqual([303, "unknown"]);
  });

  it("reads no endless request", async () => {
    const body = "x".repeat(100_000);
    // It may hang up before all is sent.
    const answered = await send(at("/"), { cookie }, { method: "POST", body }).catch(() => undefined);
    expect([413, undefined]).toContain(answered?.status);
    expect((await send(at("/"), { cookie })).status).toBe(200);
  });

  it("refuses a port that cannot be one, and one that is taken", async () => {
    await expect(serveConsole({ idempotency: shop, port: 65_536 })).rejects.toThrow(
      "option port is of type number (65536)",
    );
    await expect(serveConsole({ idempotency: shop, port: Number(url.port) })).rejects.toThrow("EADDRINUSE");
  });
});
