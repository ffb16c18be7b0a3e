/** Runs examples/checkout as `npm run example:checkout` does, and looks into its database past it. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { createClient } from "@libsql/client";
import { Client } from "pg";
import { inject } from "vitest";
import { type Provider, selectedProviders } from "../support/providers.ts";

interface Orders {
  /** Committed orders of a cart. */
  count(cart: string): Promise<number>;
  /** By how much the customer was charged more than for all orders. */
  overchargedCents(): Promise<number>;
  close(): Promise<void>;
}

export interface CheckoutApp extends AsyncDisposable {
  readonly url: string;
  readonly orders: Orders;
  /** How often the provider has charged for a cart. */
  charges(cart: string): Promise<number>;
  /** Waits until so many payments execute in the server, and gives its process id. */
  waitForExecuting(count: number): Promise<number>;
}

const COUNT = `SELECT count(*) AS n FROM "Order" WHERE "cart" = `;
const OVERCHARGED = `SELECT "chargedCents" - (SELECT coalesce(sum("totalCents"), 0) FROM "Order") AS n FROM "Customer"`;

async function sqlite() {
  const folder = mkdtempSync(join(tmpdir(), "onceonly-checkout-"));
  const url = pathToFileURL(join(folder, "checkout.db")).href;
  const open = async (): Promise<Orders> => {
    const client = createClient({ url });
    return {
      count: async (cart) =>
        Number((await client.execute({ sql: `${COUNT} ?1`, args: [cart] })).rows[0]?.["n"]),
      overchargedCents: async () => Number((await client.execute(OVERCHARGED)).rows[0]?.["n"]),
      async close() {
        client.close();
        rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
      },
    };
  };
  return { url, open };
}

async function postgresql() {
  const server = inject("postgres");
  if (server === undefined) throw new Error("no PostgreSQL in this test run: DATABASES leaves it out");
  // Removed with all others of this prefix at the end of the run.
  const name = `${server.prefix}_checkout_${randomBytes(4).toString("hex")}`;
  const admin = new Client(server.url);
  await admin.connect();
  await admin.query(`CREATE DATABASE "${name}"`);
  await admin.end();
  const url = Object.assign(new URL(server.url), { pathname: `/${name}` }).href;
  const open = async (): Promise<Orders> => {
    const client = new Client(url);
    await client.connect();
    return {
      count: async (cart) => Number((await client.query<{ n: string }>(`${COUNT} $1`, [cart])).rows[0]?.n),
      overchargedCents: async () => Number((await client.query<{ n: string }>(OVERCHARGED)).rows[0]?.n),
      close: () => client.end(),
    };
  };
  return { url, open };
}

/** For `describe.each`. */
export const checkoutDatabases: { name: Provider; make: typeof sqlite }[] = [
  { name: "sqlite" as const, make: sqlite },
  { name: "postgresql" as const, make: postgresql },
].filter(({ name }) => selectedProviders().includes(name));

export async function startCheckout(make: typeof sqlite): Promise<CheckoutApp> {
  const database = await make();
  const child = spawn(process.execPath, ["--import", "tsx", "examples/checkout/main.ts"], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    env: { ...process.env, NODE_ENV: "production", PORT: "0", CHECKOUT_DATABASE_URL: database.url },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await addressOf(child);
  const orders = await database.open();
  return {
    url,
    orders,
    async charges(cart) {
      const { charges = [] } = (await ledger(url)) ?? {};
      return charges.filter((charge) => charge.cart === cart && !charge.isRepeated).length;
    },
    async waitForExecuting(count) {
      for (;;) {
        const { server } = (await ledger(url)) ?? {};
        if (server?.executing === count) return server.pid;
        await sleep(20);
      }
    },
    async [Symbol.asyncDispose]() {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
      await orders.close();
    },
  };
}

async function addressOf(child: ChildProcess): Promise<string> {
  let output = "";
  return new Promise((resolve, reject) => {
    child.stdout?.on("data", (chunk) => {
      output += String(chunk);
      const address = /http:\/\/[\d.:]+/.exec(output)?.[0];
      if (address !== undefined) resolve(address);
    });
    child.once("exit", (code) => reject(new Error(`the example ended with ${code}\n${output}`)));
  });
}

interface Ledger {
  server: { pid: number; executing: number };
  charges: { cart: string; isRepeated: boolean }[];
}

/** What the page is shown; nothing while the server is down. */
async function ledger(url: string): Promise<Ledger | undefined> {
  const response = await fetch(`${url}/trpc/ledger`).catch(() => undefined);
  if (response?.ok !== true) return undefined;
  return ((await response.json()) as { result: { data: Ledger } }).result.data;
}
