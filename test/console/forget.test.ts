/** Forgetting by the console: what it takes, and what it says afterwards. */
import { describe, expect, it } from "vitest";
import { createConsole } from "../../src/console/index.ts";
import { databases } from "../support/database.ts";
import { door } from "../support/runs.ts";
import { type Shop, shopOf } from "./records.ts";
import { consoleOf, ORIGIN, textOf, Visitor } from "./support.ts";

const name = (key: string) => ({ operation: "orders.place", scope: "u", key });

async function placed(shop: Shop, key: string): Promise<string> {
  await shop.run(name(key), async () => "placed");
  return (await shop.inspect(name(key))).id;
}

const stateOf = async (shop: Shop, id: string) => (await shop.inspect({ id })).state;
const mayForget = () => ({ mayForget: true });

describe.each(databases)("forgetting on $name", ({ open }) => {
  it("takes a form and a confirmation; then the key executes again", async () => {
    await using db = await open();
    const shop = shopOf(db);
    const id = await placed(shop, "k");
    const visitor = consoleOf(shop, mayForget);
    const asked = await visitor.get(`/records/${id}/forget`);
    expect(asked.status).toBe(200);
    expect(textOf(asked.html)).toContain("The next request with this key executes again");
    expect(asked.headers.get("set-cookie")).toMatch(
      /^__Host-onceonly-form=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/; Secure$/,
    );
    // Looking has changed nothing.
    expect(await stateOf(shop, id)).toBe("completed");
    const done = await visitor.post(`/records/${id}/forget`, await visitor.forgetForm(id));
    expect([done.status, done.html]).toEqual([303, ""]);
    const shown = await visitor.send(done.headers.get("location") ?? "");
    expect(textOf(shown.html)).toContain("Forgotten. The record is deleted.");
    expect(await stateOf(shop, id)).toBe("unknown");
    expect(await shop.run(name("k"), async () => "again")).toMatchObject({ value: "again", replayed: false });
  });

  it("does nothing for a form that this console did not make, for this browser and this record", async () => {
    await using db = await open();
    const shop = shopOf(db);
    const id = await placed(shop, "k");
    const other = await placed(shop, "other");
    const visitor = consoleOf(shop, mayForget);
    const form = await visitor.forgetForm(id);
    const path = `/records/${id}/forget`;
    const stranger = consoleOf(shop, mayForget);
    await stranger.forgetForm(id);
    const attempts = {
      "from another site": () => visitor.post(path, form, { "sec-fetch-site": "cross-site" }),
      "from another host of the site": () => visitor.post(path, form, { "sec-fetch-site": "same-site" }),
      "of nobody knows where": () => visitor.post(path, form, { "sec-fetch-site": "none" }),
      "from another origin, in an old browser": () =>
        visitor.send(`/onceonly${path}`, {
          method: "POST",
          headers: { origin: "https://evil.example" },
          body: new URLSearchParams(form),
        }),
      "from an origin that is not told": () =>
        visitor.send(`/onceonly${path}`, {
          method: "POST",
          headers: { origin: "null" },
          body: new URLSearchParams(form),
        }),
      "without any origin": () =>
        visitor.send(`/onceonly${path}`, { method: "POST", body: new URLSearchParams(form) }),
      "without its token": () => visitor.post(path, { seen: form["seen"] ?? "" }),
      "with another token": () => visitor.post(path, { ...form, token: "x".repeat(43) }),
      "with the token of another record": async () => visitor.post(path, await visitor.forgetForm(other)),
      "with the token of another browser": async () => visitor.post(path, await stranger.forgetForm(id)),
      "as JSON": () =>
        visitor.send(`/onceonly${path}`, {
          method: "POST",
          headers: { "sec-fetch-site": "same-origin", "content-type": "application/json" },
          body: JSON.stringify(form),
        }),
      "as a form of parts": () => {
        const body = new FormData();
        for (const [field, value] of Object.entries(form)) body.set(field, value);
        return visitor.send(`/onceonly${path}`, {
          method: "POST",
          headers: { "sec-fetch-site": "same-origin" },
          body,
        });
      },
      "of endless length": () => visitor.post(path, { ...form, more: "x".repeat(10_000_000) }),
      "without a body": () =>
        visitor.send(`/onceonly${path}`, { method: "POST", headers: { "sec-fetch-site": "same-origin" } }),
      "without cookies": async () => {
        const blank = consoleOf(shop, mayForget);
        return blank.post(path, form);
      },
      "with a cookie that somebody has chosen": () => {
        const blank = consoleOf(shop, mayForget);
        blank.cookie = "__Host-onceonly-form=a";
        return blank.post(path, form);
      },
    };
    for (const [what, attempt] of Object.entries(attempts)) {
      const { status, html } = await attempt();
      expect([what, status, textOf(html).includes("Nothing was deleted")]).toEqual([what, 403, true]);
    }
    expect(await stateOf(shop, id)).toBe("completed");
    // It is this form that the others were made of.
    expect((await visitor.post(path, form)).status).toBe(303);
    expect(await stateOf(shop, id)).toBe("unknown");
  });

  it("takes a form by its origin where the browser tells no more, over HTTP", async () => {
    await using db = await open();
    const shop = shopOf(db);
    const id = await placed(shop, "k");
    const origin = "http://10.0.0.7:3000";
    const visitor = new Visitor(createConsole({ idempotency: shop, authorize: mayForget }), origin);
    const form = await visitor.forgetForm(id);
    expect(visitor.cookie).toMatch(/^onceonly-form=/);
    const body = new URLSearchParams(form);
    const headers = { origin };
    const sent = await visitor.send(`/onceonly/records/${id}/forget`, { method: "POST", headers, body });
    expect([sent.status, await stateOf(shop, id)]).toEqual([303, "unknown"]);
  });

  it("asks again when the record is no longer the one that was looked at", async () => {
    await using db = await open();
    const shop = shopOf(db);
    const id = await placed(shop, "k");
    const visitor = consoleOf(shop, mayForget);
    const form = await visitor.forgetForm(id);
    await shop.forget({ id });
    // Times are kept to the millisecond.
    await new Promise((resolve) => setTimeout(resolve, 5));
    await placed(shop, "k");
    const { status, html } = await visitor.post(`/records/${id}/forget`, form);
    expect(status).toBe(409);
    expect(textOf(html)).toContain("The record has changed since you looked. Nothing was deleted");
    expect(await stateOf(shop, id)).toBe("completed");
    expect((await visitor.post(`/records/${id}/forget`, await visitor.forgetForm(id))).status).toBe(303);
  });

  it("leaves a run alone that is alive, and says so", async () => {
    await using db = await open();
    const shop = shopOf(db);
    const { wait, arrived, open: leave } = door();
    const run = shop.runLeased(name("k"), async () => wait());
    await arrived;
    const { id } = await shop.inspect(name("k"));
    const visitor = consoleOf(shop, mayForget);
    expect(textOf((await visitor.get(`/records/${id}/forget`)).html)).toContain("it will be left alone");
    const { headers } = await visitor.post(`/records/${id}/forget`, await visitor.forgetForm(id));
    const { html } = await visitor.send(headers.get("location") ?? "");
    expect(textOf(html)).toContain("In progress: left alone.");
    leave();
    await run;
    expect(await stateOf(shop, id)).toBe("completed");
  });

  it("tells of a record that is gone already; and nobody can make a link that tells so", async () => {
    await using db = await open();
    const shop = shopOf(db);
    const id = await placed(shop, "k");
    const visitor = consoleOf(shop, mayForget);
    const form = await visitor.forgetForm(id);
    await shop.forget({ id });
    const { headers } = await visitor.post(`/records/${id}/forget`, form);
    const location = headers.get("location") ?? "";
    expect(textOf((await visitor.send(location)).html)).toContain("There was no record any more");
    const forged = await visitor.send(location.replace("outcome=unknown", "outcome=forgotten"));
    expect(textOf(forged.html)).not.toContain("Forgotten.");
    const elsewhere = await consoleOf(shop, mayForget).send(location);
    expect(textOf(elsewhere.html)).not.toContain("There was no record any more");
    expect(new URL(location, ORIGIN).origin).toBe(ORIGIN);
  });
});
