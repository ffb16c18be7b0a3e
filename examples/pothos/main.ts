/**
 * GraphQL Yoga with a Pothos schema and the Pothos Prisma plugin, which holds the application's client.
 * `node --import tsx examples/pothos/main.ts`
 */
import { createTablesIn, temporaryDatabase } from "../database/file.ts";
import type { Item } from "./orders.ts";

const url = (process.env["DATABASE_URL"] ??= temporaryDatabase());
await createTablesIn(url, new URL("./schema.sql", import.meta.url));
const { yoga } = await import("./server.ts");
const { db } = await import("./db.ts");

await db.customer.create({ data: { id: "ada" } });
await db.product.createMany({
  data: [
    { name: "tea", priceCents: 450, stock: 10 },
    { name: "cocoa", priceCents: 620, stock: 0 },
  ],
});

// The plugin has to load the second selection of the items by itself, after the order was written.
const query = `mutation ($reference: String!, $items: [ItemInput!]!) {
  placeOrder(reference: $reference, items: $items) {
    id
    customer { orders { reference } }
    items { product { name stock sold } }
    firstItem: items(first: 1) { quantity }
  }
}`;

async function send(key: string, reference: string, items: Item[]): Promise<string> {
  const response = await yoga.fetch("http://localhost/graphql", {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: "Bearer ada",
      "idempotency-key": `"${key}"`,
    },
    body: JSON.stringify({ query, variables: { reference, items } }),
  });
  const { data, errors } = (await response.json()) as { data?: unknown; errors?: { message: string }[] };
  const replayed = response.headers.get("idempotent-replayed") === "true" ? " (replayed)" : "";
  return `${errors?.[0]?.message ?? JSON.stringify(data)}${replayed}`;
}

const tea = { product: "tea", quantity: 2 };
console.log(`sent 1: ${await send("k1", "first", [tea])}`);
console.log(`sent 2: ${await send("k1", "first", [tea])}`);
const cocoa = { product: "cocoa", quantity: 1 };
console.log(`with cocoa, sent 1: ${await send("k2", "second", [tea, cocoa])}`);
console.log(`with cocoa, sent 2: ${await send("k2", "second", [tea, cocoa])}`);

const [orders, items] = await Promise.all([db.order.count(), db.orderItem.count()]);
const { stock } = await db.product.findUniqueOrThrow({ where: { name: "tea" } });
console.log(`in the database: orders ${orders}, items ${items}, tea in stock ${stock}`);
await db.$disconnect();
