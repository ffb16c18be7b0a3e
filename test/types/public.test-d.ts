/** Checked by `tsc`: nothing here is run. */
import superjson from "superjson";
import { expectTypeOf } from "vitest";
import {
  type AnyIdempotencyError,
  type Codec,
  createIdempotency,
  type ErrorSerializer,
  type Handler,
  type Idempotency,
  type IdempotencyError,
  type IdempotencyErrorCode,
  type IdempotencyErrorDetails,
  type IdempotencyOptions,
  isIdempotencyError,
  type KeyProblem,
  type ModelOptions,
  type PrismaClientLike,
  type PruneOptions,
  type RunContext,
  type RunOptions,
  type RunRequest,
  type RunResult,
  type SettledRun,
  type TransactionOf,
  type TransactionOptions,
  type Transformer,
  transformerCodec,
  type UnkeyedContext,
  withAmbientTransaction,
} from "../../src/index.ts";
import type { PrismaClient } from "../support/generated/postgresql/client.ts";

declare const prisma: PrismaClient;
const idempotency = createIdempotency({ prisma });
const request = { operation: "orders.place", key: "k", scope: "u" };

// Every public type is there and is not `any`.
expectTypeOf<
  [
    AnyIdempotencyError,
    Codec,
    ErrorSerializer,
    Handler<unknown, unknown>,
    IdempotencyErrorCode,
    IdempotencyErrorDetails,
    IdempotencyOptions<PrismaClient>,
    KeyProblem,
    ModelOptions,
    PrismaClientLike,
    PruneOptions,
    RunOptions,
    RunRequest,
    TransactionOptions,
    Transformer,
    UnkeyedContext<unknown>,
  ]
>().items.not.toBeAny();

// The value is what the handler returns.
const run = idempotency.run(request, async ({ tx }) =>
  tx.order.findMany({ select: { id: true, total: true } }),
);
expectTypeOf(await run).toEqualTypeOf<
  RunResult<
    {
      id: string;
      total: PrismaClient["order"]["fields"] extends never ? never : Awaited<ReturnType<typeof total>>;
    }[]
  >
>();
declare function total(): Promise<Awaited<typeof run>["value"][number]["total"]>;
expectTypeOf((await run).value[0]).not.toBeAny();
expectTypeOf((await run).replayed).toEqualTypeOf<boolean>();
expectTypeOf(await idempotency.run(request, async () => {})).toEqualTypeOf<RunResult<void>>();
expectTypeOf(await idempotency.run<"a" | "b">(request, async () => "a")).toEqualTypeOf<
  RunResult<"a" | "b">
>();
expectTypeOf(await idempotency.runUnkeyed(async () => 1)).toEqualTypeOf<number>();
expectTypeOf(await idempotency.prune({ batchSize: 10 })).toEqualTypeOf<number>();

// A settled run is told apart by its status.
const settled = await idempotency.runSettled(request, async () => 1n);
expectTypeOf(settled).toEqualTypeOf<SettledRun<bigint>>();
if (settled.status === "completed") {
  expectTypeOf(settled.value).toEqualTypeOf<bigint>();
} else {
  expectTypeOf(settled.error).toEqualTypeOf<unknown>();
  // @ts-expect-error a failed run has no value
  settled.value;
}

// The context.
type Context = RunContext<TransactionOf<PrismaClient>>;
expectTypeOf<Context["key"]>().toEqualTypeOf<string>();
expectTypeOf<Context["attempt"]>().toEqualTypeOf<number>();
expectTypeOf<Context["deriveKey"]>().toEqualTypeOf<(name: string) => string>();
expectTypeOf<UnkeyedContext<1>["key"]>().toEqualTypeOf<undefined>();

// Wrong requests.
// @ts-expect-error no scope
void idempotency.run({ operation: "o", key: "k" }, async () => 1);
// @ts-expect-error no key
void idempotency.run({ operation: "o", scope: "u" }, async () => 1);
// @ts-expect-error a scope must be text or a number
void idempotency.run({ ...request, scope: undefined }, async () => 1);
// @ts-expect-error a handler is asynchronous
void idempotency.run(request, () => 1);
// @ts-expect-error an option that does not exist
void idempotency.run({ ...request, retention: 5 }, async () => 1);
// @ts-expect-error a time in words
void idempotency.run({ ...request, waitMs: "3s" }, async () => 1);
// @ts-expect-error a choice that does not exist
void idempotency.run({ ...request, onDuplicate: "queue" }, async () => 1);

// Wrong options.
// @ts-expect-error no client
createIdempotency({});
// @ts-expect-error a database that is not supported
createIdempotency({ prisma, provider: "mysql" });
// @ts-expect-error a column that does not exist
createIdempotency({ prisma, models: { record: { columns: { lease: "x" } } } });
// @ts-expect-error a codec without a name
createIdempotency({ prisma, codec: { encode: String, decode: String } });
// @ts-expect-error a limit that does not exist
createIdempotency({ prisma, transaction: { timeout: 5 } });
// @ts-expect-error storeError decides, it does not wait
createIdempotency({ prisma, storeError: async () => true });
// @ts-expect-error not a client
createIdempotency({ prisma: { order: {} } });
// @ts-expect-error an adapter is not a client
createIdempotency({ prisma: { provider: "postgres", adapterName: "pg", connect: async () => ({}) } });

// An error narrows by its code, each code to its own details.
declare const caught: unknown;
if (isIdempotencyError(caught)) {
  expectTypeOf(caught).toEqualTypeOf<AnyIdempotencyError>();
  if (caught.code === "KEY_INVALID") {
    expectTypeOf(caught).toEqualTypeOf<IdempotencyError<"KEY_INVALID">>();
    expectTypeOf(caught.details.reason).toEqualTypeOf<KeyProblem>();
    // @ts-expect-error an invalid key belongs to no operation
    caught.details.operation;
  }
  if (caught.code === "RESULT_UNSTORABLE") {
    expectTypeOf(caught.details.path).toEqualTypeOf<string | undefined>();
  }
  // @ts-expect-error no such code
  void (caught.code === "KEY_TAKEN");
}

// Transformers are taken as tRPC takes them.
expectTypeOf(transformerCodec(superjson)).toEqualTypeOf<Codec>();
expectTypeOf(createIdempotency({ prisma })).toEqualTypeOf<Idempotency<TransactionOf<PrismaClient>>>();

// The ambient client is of the client's own type, extensions included.
expectTypeOf(withAmbientTransaction(prisma)).toEqualTypeOf<PrismaClient>();
const extended = prisma.$extends({ model: { order: { ship: async (id: string) => id } } });
expectTypeOf(withAmbientTransaction(extended)).toEqualTypeOf(extended);
const more = withAmbientTransaction(prisma, { guard: "warn" }).$extends({
  model: { order: { ship: async (id: string) => id } },
});
expectTypeOf(more.order.ship).toEqualTypeOf<(id: string) => Promise<string>>();
// @ts-expect-error a transaction client is none
void prisma.$transaction(async (tx) => withAmbientTransaction({ order: tx.order }));
// @ts-expect-error there is no such guard
withAmbientTransaction(prisma, { guard: "loud" });
createIdempotency({ prisma: withAmbientTransaction(prisma), guard: "throw" });
