import { readFileSync } from "node:fs";
import { createClient } from "@libsql/client";
import { PrismaLibSql } from "@prisma/adapter-libsql";
import { type Order, PrismaClient } from "../generated/client.ts";

const STOCK = 1_000;
const PRODUCTS = [
  { name: "tea", priceCents: 450 },
  { name: "coffee", priceCents: 790 },
  { name: "cocoa", priceCents: 620 },
];

/** Looks into the file past the server and the library: the demo believes rows, not flags. */
export class Database {
  readonly #prisma: PrismaClient;
  #lastSeen = 0;

  private constructor(url: string) {
    this.#prisma = new PrismaClient({ adapter: new PrismaLibSql({ url }) });
  }

  /** What `prisma migrate` does in an application. WAL lets others read while one writes; the file remembers it. */
  static async create(url: string): Promise<Database> {
    const client = createClient({ url });
    await client.execute("PRAGMA journal_mode = WAL");
    await client.executeMultiple(sqlOf("../schema.sql"));
    await client.executeMultiple(sqlOf("../../../prisma/sqlite/idempotency.sql"));
    client.close();
    const database = new Database(url);
    await database.#prisma.product.createMany({
      data: PRODUCTS.map((product) => ({ ...product, stock: STOCK })),
    });
    return database;
  }

  /** The orders that came since the last call. */
  async newOrders(): Promise<Order[]> {
    const orders = await this.#prisma.order.findMany({
      where: { id: { gt: this.#lastSeen } },
      orderBy: { id: "asc" },
    });
    this.#lastSeen = orders.at(-1)?.id ?? this.#lastSeen;
    return orders;
  }

  orders(): Promise<Order[]> {
    return this.#prisma.order.findMany({ orderBy: { id: "asc" } });
  }

  records() {
    return this.#prisma.idempotencyRecord.findMany({ orderBy: [{ createdAt: "asc" }, { key: "asc" }] });
  }

  recordsOf(keys: string[]) {
    return this.#prisma.idempotencyRecord.findMany({ where: { key: { in: keys } } });
  }

  /** How many items have left the stock. */
  async sold(): Promise<number> {
    const products = await this.#prisma.product.findMany();
    return products.reduce((sum, { stock }) => sum + STOCK - stock, 0);
  }

  async isStockRight(): Promise<boolean> {
    const orders = await this.orders();
    return (await this.sold()) === orders.reduce((sum, { quantity }) => sum + quantity, 0);
  }

  async areRecordsRight(): Promise<boolean> {
    const [orders, records] = await Promise.all([this.orders(), this.records()]);
    return orders.length === records.length && records.every(({ status }) => status === "completed");
  }

  close(): Promise<void> {
    return this.#prisma.$disconnect();
  }
}

function sqlOf(file: string): string {
  return readFileSync(new URL(file, import.meta.url), "utf8");
}
