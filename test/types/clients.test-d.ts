/** Checked by `tsc`: nothing here is run. Which clients are taken, and what transaction a handler gets. */
import { expectTypeOf } from "vitest";
import { createIdempotency, type TransactionOf } from "../../src/index.ts";
import type { PrismaClient as PostgresClient, Prisma } from "../support/generated/postgresql/client.ts";
import type { PrismaClient as ClassicClient } from "../support/generated/postgresql-classic/index.js";
import type { PrismaClient as MappedClient } from "../support/generated/postgresql-mapped/client.ts";
import type { PrismaClient as SqliteClient } from "../support/generated/sqlite/client.ts";

declare const postgres: PostgresClient;
declare const sqlite: SqliteClient;
declare const mapped: MappedClient;
declare const classic: ClassicClient;
const request = { operation: "o", key: "k", scope: "u" };

// The user's own transaction client: models and raw queries, but not the client's life cycle.
type Tx = TransactionOf<PostgresClient>;
expectTypeOf<Tx>().not.toBeAny();
expectTypeOf<Tx>().toEqualTypeOf<Prisma.TransactionClient>();
expectTypeOf<Tx["order"]>().toEqualTypeOf<PostgresClient["order"]>();
expectTypeOf<Tx>().not.toHaveProperty("$connect");

void createIdempotency({ prisma: postgres })
  .run(request, async ({ tx }) => {
    expectTypeOf(tx).toEqualTypeOf<Tx>();
    // @ts-expect-error no such model
    tx.orders;
    // @ts-expect-error a field is missing
    void tx.account.create({ data: { id: "a" } });
    // @ts-expect-error a transaction is not a client to make another library of
    createIdempotency({ prisma: tx, models: 5 });
    return (await tx.account.findFirst())?.balance;
  })
  .then(({ value }) => expectTypeOf(value).toEqualTypeOf<number | undefined>());

expectTypeOf<TransactionOf<SqliteClient>["order"]>().not.toBeAny();
expectTypeOf<TransactionOf<MappedClient>["order"]>().not.toBeAny();
expectTypeOf<TransactionOf<ClassicClient>["order"]>().not.toBeAny();
createIdempotency({ prisma: sqlite });
createIdempotency({ prisma: mapped });
createIdempotency({ prisma: classic });

// Extensions reach the transaction, every kind of them.
const extended = postgres.$extends({
  client: { $hello: () => "hello" as const },
  model: { order: { place: async (item: string) => item.length } },
  result: { order: { label: { needs: { item: true }, compute: ({ item }) => `<${item}>` as const } } },
});
void createIdempotency({ prisma: extended }).run(request, async ({ tx }) => {
  expectTypeOf(tx).not.toBeAny();
  expectTypeOf(await tx.order.place("book")).toEqualTypeOf<number>();
  expectTypeOf((await tx.order.findFirstOrThrow()).label).toEqualTypeOf<`<${string}>`>();
  // @ts-expect-error no such method
  void tx.order.cancel();
});

// Clients made with options.
declare const logging: PostgresClient<"query" | "error">;
declare const omitting: PostgresClient<never, { order: { item: true } }>;
createIdempotency({ prisma: logging });
void createIdempotency({ prisma: omitting }).run(request, async ({ tx }) => {
  expectTypeOf(tx).not.toBeAny();
  return (await tx.order.findFirstOrThrow()).id;
});

// The shape of Prisma 6: its transaction has no `$transaction`.
interface SixTransaction {
  readonly order: { create(args: { data: { item: string } }): PromiseLike<{ id: string }> };
  $queryRawUnsafe<T = unknown>(query: string, ...values: unknown[]): PromiseLike<T>;
  $executeRawUnsafe(query: string, ...values: unknown[]): PromiseLike<number>;
}
interface SixClient extends SixTransaction {
  $connect(): Promise<void>;
  $transaction<P extends readonly PromiseLike<unknown>[]>(work: [...P]): Promise<unknown[]>;
  $transaction<R>(
    work: (tx: SixTransaction) => Promise<R>,
    options?: { maxWait?: number; timeout?: number },
  ): Promise<R>;
}
declare const six: SixClient;
expectTypeOf<TransactionOf<SixClient>>().toEqualTypeOf<SixTransaction>();
void createIdempotency({ prisma: six })
  .run(request, async ({ tx }) => tx.order.create({ data: { item: "book" } }))
  .then(({ value }) => expectTypeOf(value).toEqualTypeOf<{ id: string }>());

// What is no client.
// @ts-expect-error raw queries are missing
createIdempotency({ prisma: { $transaction: async (body: (tx: object) => Promise<unknown>) => body({}) } });
// @ts-expect-error a list of queries is not an interactive transaction
createIdempotency({ prisma: { ...six, $transaction: async (work: Promise<unknown>[]) => work } });
// @ts-expect-error an address is not a client
createIdempotency({ prisma: "postgresql://localhost" });
