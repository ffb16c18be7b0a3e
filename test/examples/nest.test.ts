/** A NestJS application with the guide's guard, interceptor and plugin, built by TypeScript and started by Node. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { installNest, type NestApp, type NestServer, type Prisma } from "./nest/app.ts";

interface Answer {
  status: number;
  id: unknown;
  outcome: string | null;
  isReplay: boolean;
  body: unknown;
}

type Send = (url: string, customer: string, key?: string, quantity?: unknown) => Promise<Answer>;

async function post(url: string, customer: string, key: string | undefined, body: object): Promise<Answer> {
  const headers = { "content-type": "application/json", "x-user": customer };
  const keyed = key === undefined ? headers : { ...headers, "idempotency-key": `"${key}"` };
  const response = await fetch(url, { method: "POST", headers: keyed, body: JSON.stringify(body) });
  const answer = (await response.json()) as { id?: number; data?: { placeOrder: { id: number } } };
  return {
    status: response.status,
    id: answer.id ?? answer.data?.placeOrder.id,
    outcome: response.headers.get("idempotency-outcome"),
    isReplay: response.headers.has("idempotent-replayed"),
    body: answer,
  };
}

const byController: Send = (url, customer, key, quantity = 2) =>
  post(`${url}/orders`, customer, key, { product: "tea", quantity });

const byGraphQL: Send = (url, customer, key, quantity = 2) =>
  post(`${url}/graphql`, customer, key, {
    query: 'mutation ($quantity: Int!) { placeOrder(product: "tea", quantity: $quantity) { id } }',
    variables: { quantity },
  });

const doors: [door: string, send: Send][] = [
  ["a controller", byController],
  ["GraphQL", byGraphQL],
];

const versions: Prisma[] = [7, 6];

describe.each(versions)("NestJS with Prisma %i", (prisma) => {
  let app: NestApp;
  let server: NestServer;
  beforeAll(async () => {
    app = await installNest(prisma);
    server = await app.start();
  }, 1_800_000);
  afterAll(async () => {
    await server.kill();
    app[Symbol.dispose]();
  });

  describe.each(doors)("%s", (door, send) => {
    it("makes one order of a double click", async () => {
      const customer = `${door}: double click`;
      const clicks = await Promise.all([1, 2].map(() => send(server.url, customer, "k")));
      expect(clicks[0]?.id).toBe(clicks[1]?.id);
      expect(clicks.map(({ outcome }) => outcome)).toEqual(["stored", "stored"]);
      expect(clicks.filter(({ isReplay }) => isReplay)).toHaveLength(1);
      expect(await app.orders(customer)).toBe(1);
    });

    it("makes one order if its answer is lost and the server has been started anew", async () => {
      const customer = `${door}: lost answer`;
      const lost = await send(server.url, customer, "k");
      await server.kill();
      server = await app.start();
      expect(await send(server.url, customer, "k")).toEqual({
        ...lost,
        isReplay: true,
        body: expect.anything(),
      });
      expect(await app.orders(customer)).toBe(1);
    });

    it("makes one order if the server is killed with the request on its way", async () => {
      for (const delayMs of [0, 5, 20, 80]) {
        const customer = `${door}: killed after ${delayMs} ms`;
        const first = send(server.url, customer, "k").catch(() => undefined);
        await sleep(delayMs);
        await server.kill();
        await first;
        server = await app.start();
        const { outcome } = await send(server.url, customer, "k");
        expect(outcome).toBe("stored");
        expect(await app.orders(customer)).toBe(1);
      }
    });

    it("refuses a key that was used for another order, and a request without one", async () => {
      const customer = `${door}: refused`;
      await send(server.url, customer, "k");
      const reused = await send(server.url, customer, "k", 3);
      expect([reused.outcome, JSON.stringify(reused.body)]).toEqual([
        "refused",
        expect.stringContaining("was used before"),
      ]);
      const missing = await send(server.url, customer);
      expect(JSON.stringify(missing.body)).toContain("needs an idempotency key");
      expect(await app.orders(customer)).toBe(1);
    });
  });

  it("stores an exception that blames the request, and undoes what came before it", async () => {
    const customer = "unknown product";
    const order = () => post(`${server.url}/orders`, customer, "k", { product: "coffee", quantity: 1 });
    const first = await order();
    expect(first).toMatchObject({ status: 404, outcome: "stored" });
    await app.execute(`INSERT INTO "Product" ("name", "stock") VALUES ('coffee', 1)`);
    expect(await order()).toEqual(first);
    expect(await app.orders(customer)).toBe(0);
  });

  it("leaves the key free after an exception that depends on when it was asked", async () => {
    const customer = "too much";
    const order = () => byController(server.url, customer, "k", 10_000);
    expect(await order()).toMatchObject({ status: 409, outcome: "released" });
    await app.execute(`UPDATE "Product" SET "stock" = 20000 WHERE "name" = 'tea'`);
    expect(await order()).toMatchObject({ status: 201, outcome: "stored" });
    expect(await app.orders(customer)).toBe(1);
  });

  it("without a table of the library does not start, and logs what it does not tell a client", async () => {
    await app.execute("ALTER TABLE idempotency_record RENAME TO away");
    try {
      const answer = await byController(server.url, "no table", "k");
      expect(answer).toMatchObject({ status: 500, body: { code: "STORE_MISCONFIGURED" } });
      expect(JSON.stringify(answer.body)).not.toContain("no such table");
      await expect.poll(() => server.errors()).toMatch(/ProblemFilter[^]*no such table/);
      await expect(app.start()).rejects.toThrow(/did not start[^]*idempotency_record/);
    } finally {
      await app.execute("ALTER TABLE away RENAME TO idempotency_record");
    }
    expect(await byController(server.url, "no table", "k")).toMatchObject({ status: 201 });
  });

  it("has a service with #private members, and ends at SIGTERM", async () => {
    const health = await fetch(`${server.url}/health`);
    expect(await health.json()).toEqual({ upForMs: expect.any(Number) });
    expect([0, "SIGTERM"]).toContain(await server.stop());
    server = await app.start();
  });
});
