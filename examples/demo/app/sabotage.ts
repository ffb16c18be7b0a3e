/**
 * Ways to break the server on purpose, chosen by DEMO_SABOTAGE: a demo that cannot fail shows nothing.
 * A real application has nothing like it.
 */
import type { Handler, Idempotency, RunRequest, RunResult } from "onceonly";
import type { Prisma, PrismaClient } from "../generated/client.ts";

type Tx = Prisma.TransactionClient;
type Sabotage = "forgetful" | "shared" | "apart";
type Run = <T>(request: RunRequest, handler: Handler<Tx, T>) => Promise<RunResult<T>>;

export function sabotaged(honest: Idempotency<Tx>, prisma: PrismaClient): Idempotency<Tx> {
  const sabotage = process.env["DEMO_SABOTAGE"] as Sabotage | undefined;
  if (!sabotage) return honest;

  const runs: Record<Sabotage, Run> = {
    /** Executes whatever comes. */
    forgetful: async ({ key }, handler) => ({ value: await executeApart(key, handler), replayed: false }),

    /** Treats all users as one. */
    shared: (request, handler) => honest.run({ ...request, scope: "everybody" }, handler),

    /** Looks for a record, executes, then writes the record: the usual way, with a gap on either side. */
    apart: async (request, handler) => {
      const nothing = new Error("no record");
      try {
        return await honest.run<never>(request, () => Promise.reject(nothing));
      } catch (error) {
        if (error !== nothing) throw error;
      }
      const value = await executeApart(request.key, handler);
      await honest.run(request, async () => value);
      return { value, replayed: false };
    },
  };

  async function executeApart<T>(key: string, handler: Handler<Tx, T>): Promise<T> {
    const callbacks: (() => unknown)[] = [];
    const value = await handler({
      tx: disguised(prisma),
      join: disguised,
      key,
      attempt: 1,
      deriveKey: (name) => name,
      afterCommit: (callback) => callbacks.push(callback),
    });
    for (const callback of callbacks) await callback();
    return value;
  }

  const run = runs[sabotage];
  return {
    ...honest,
    with: (options) => sabotaged(honest.with(options), prisma),
    run,
    runSettled: async (request, handler) => ({ status: "completed", ...(await run(request, handler)) }),
  };
}

/** Passes for the client of a transaction, which cannot connect: the package refuses what it can see. */
function disguised<TClient>(client: TClient): TClient {
  return new Proxy(client as object, {
    get: (target, name) => (name === "$connect" ? undefined : (Reflect.get(target, name) as unknown)),
  }) as TClient;
}
