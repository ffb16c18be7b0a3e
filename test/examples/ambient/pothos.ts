import type { Example } from "./example.ts";

interface Result {
  data?: { placeOrder: { id: string } | null } | null;
  errors?: { message: string }[];
}

// Each further selection of `items` is one that the plugin has to load by itself.
const query = `mutation ($reference: String!, $items: [ItemInput!]!) {
  placeOrder(reference: $reference, items: $items) {
    id
    reference
    customer { id orders { id } }
    items { quantity product { name sold } }
    firstItem: items(first: 1) { quantity product { stock } }
  }
}`;

const TEA = { product: "tea", quantity: 2 };

/** An order for tea and cake; one for tea and cocoa, which is out of stock, fails when tea has been taken already. */
export const pothos: Example = {
  name: "pothos",
  clients: {
    sqlite: () => import("../../../examples/pothos/generated/client.ts"),
    postgresql: () => import("../../support/generated/pothos-postgresql/client.ts"),
  },
  async load() {
    const { yoga } = await import("../../../examples/pothos/server.ts");
    return async (key, fails) => {
      const items = [TEA, { product: fails ? "cocoa" : "cake", quantity: 1 }];
      const response = await yoga.fetch("http://test/graphql", {
        method: "POST",
        headers: {
          "content-type": "application/json",
          authorization: "Bearer ada",
          "idempotency-key": `"${key}"`,
        },
        body: JSON.stringify({ query, variables: { reference: key, items } }),
      });
      const { data, errors } = (await response.json()) as Result;
      return {
        id: data?.placeOrder ? Number(data.placeOrder.id) : undefined,
        error: errors?.[0]?.message,
        replayed: response.headers.get("idempotent-replayed") === "true",
        body: data,
      };
    };
  },
  seed: [
    `INSERT INTO "Customer" ("id") VALUES ('ada')`,
    `INSERT INTO "Product" ("name", "priceCents", "stock")
     VALUES ('tea', 450, 1000), ('cake', 300, 1000), ('cocoa', 620, 0)`,
  ],
  executions: `SELECT "id", "totalCents" AS total,
      (SELECT sum("quantity") FROM "OrderItem" WHERE "orderId" = "Order"."id") AS pieces
    FROM "Order" WHERE "reference" = ?`,
  complete: { total: 1_200, pieces: 3 },
  sums: `SELECT (SELECT count(*) FROM "Order") AS orders,
      (SELECT count(*) FROM "OrderItem") AS items,
      (SELECT 1000 - "stock" FROM "Product" WHERE "name" = 'tea') AS tea,
      (SELECT 1000 - "stock" FROM "Product" WHERE "name" = 'cake') AS cake,
      (SELECT 0 - "stock" FROM "Product" WHERE "name" = 'cocoa') AS cocoa`,
  share: { orders: 1, items: 2, tea: 2, cake: 1, cocoa: 0 },
  failure: { error: /out of stock/, records: ["failed"] },
  written: ["Order", "OrderItem", "Product"],
  output: [
    `sent 1: {"placeOrder":{"id":"1","customer":{"orders":[{"reference":"first"}]},` +
      `"items":[{"product":{"name":"tea","stock":8,"sold":2}}],"firstItem":[{"quantity":2}]}}`,
    `sent 2: {"placeOrder":{"id":"1","customer":{"orders":[{"reference":"first"}]},` +
      `"items":[{"product":{"name":"tea","stock":8,"sold":2}}],"firstItem":[{"quantity":2}]}} (replayed)`,
    "with cocoa, sent 1: cocoa is out of stock.",
    "with cocoa, sent 2: cocoa is out of stock. (replayed)",
    "in the database: orders 1, items 1, tea in stock 8",
  ],
};
