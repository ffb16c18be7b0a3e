import { describe, expect, it } from "vitest";
import { createIdempotency, type LeaseContext } from "../../src/index.ts";
import { type ConsumeOptions, consumeOnce } from "../../src/messages/index.ts";
import { lapse, service } from "../leases/helpers.ts";
import type { TestClient } from "../support/clients.ts";
import { databases } from "../support/database.ts";
import { gate } from "../support/gate.ts";
import { keepPoison, type Message, ship, shipped, type Transaction } from "./support.ts";

type Options = ConsumeOptions<Transaction, Message, "lease">;
type Handler = (message: Message, context: LeaseContext<Transaction>) => Promise<unknown>;

const leased = (prisma: TestClient, handler: Handler, options: Partial<Options> = {}) =>
  consumeOnce({
    idempotency: createIdempotency({ prisma, storeInput: true }),
    mode: "lease",
    consumer: "shipping",
    id: ({ id }: Message) => id,
    ...options,
  })(handler);

const broken = new Error("out of crates");

describe.each(databases)("consumeOnce in mode lease, on $name", ({ open }) => {
  it("goes on behind the recorded steps at a redelivery, and consumes the message once", async () => {
    await using db = await open();
    const bank = service();
    const consume = leased(db.prisma, async ({ body }, { step, transaction, attempt }) => {
      await step("charge", bank.call);
      await transaction("ship", ({ tx }) => ship(tx, body));
      if (attempt < 3) throw broken;
    });
    await expect(consume({ id: "m1", body: "a" })).rejects.toBe(broken);
    await expect(consume({ id: "m1", body: "a" })).rejects.toBe(broken);
    expect(await consume({ id: "m1", body: "a" })).toEqual({ outcome: "consumed", replayed: false });
    expect(await consume({ id: "m1", body: "a" })).toEqual({ outcome: "consumed", replayed: true });
    expect([bank.calls.length, await shipped(db)]).toEqual([1, ["a"]]);
  });

  it("leaves no input to a completer, which has no message to give", async () => {
    await using db = await open();
    const consume = leased(db.prisma, () => Promise.reject(broken), { input: ({ body }) => body });
    await expect(consume({ id: "m1", body: "a" })).rejects.toBe(broken);
    expect(await db.query("SELECT input FROM idempotency_record")).toEqual([{ input: null }]);
  });

  it("hands a message to onPoison at its last failure, in the transaction of its record", async () => {
    await using db = await open();
    let runs = 0;
    const consume = leased(
      db.prisma,
      async () => {
        runs += 1;
        throw broken;
      },
      { onPoison: keepPoison, attemptsMax: 2 },
    );
    await expect(consume({ id: "m1", body: "a" })).rejects.toBe(broken);
    expect(await consume({ id: "m1", body: "a" })).toEqual({ outcome: "poisoned", replayed: false });
    expect(await consume({ id: "m1", body: "a" })).toEqual({ outcome: "poisoned", replayed: true });
    expect([runs, await shipped(db)]).toEqual([2, ["attempts: a"]]);
  });

  it("counts attempts that ended with their process, and then does not run the handler again", async () => {
    await using db = await open();
    const held = gate();
    let runs = 0;
    const handler: Handler = async () => {
      runs += 1;
      await held.opened;
    };
    const seen: unknown[] = [];
    const onPoison: Options["onPoison"] = async (message, context) => {
      seen.push(context.error);
      await keepPoison(message, context);
    };
    const options = { onPoison, attemptsMax: 2 };
    const lost: Promise<unknown>[] = [];
    // The third is the last attempt, marked as such before it begins.
    for (let process = 1; process <= 3; process += 1) {
      // SQLite takes one client per process.
      const prisma = db.provider === "sqlite" ? db.prisma : await db.connect();
      lost.push(leased(prisma, handler, options)({ id: "m1", body: "a" }).catch(() => "lost"));
      await expect.poll(() => runs).toBe(process);
      await lapse(db);
    }
    const consume = leased(db.prisma, handler, options);
    expect(await consume({ id: "m1", body: "a" })).toEqual({ outcome: "poisoned", replayed: false });
    held.open();
    await Promise.all(lost);
    expect([runs, seen, await shipped(db)]).toEqual([3, [undefined], ["attempts: a"]]);
  });

  it("leaves a message alone that another process holds, and does not blame it", async () => {
    await using db = await open();
    const held = gate();
    const began = gate();
    const handler: Handler = async () => {
      began.open();
      await held.opened;
    };
    const options = { onPoison: keepPoison, attemptsMax: 1, waitMs: 50 };
    const first = leased(db.prisma, handler, options)({ id: "m1", body: "a" });
    await began.opened;
    const redelivered = leased(db.prisma, handler, options)({ id: "m1", body: "a" });
    await expect(redelivered).rejects.toMatchObject({ code: "IN_PROGRESS" });
    held.open();
    expect(await first).toEqual({ outcome: "consumed", replayed: false });
    expect(await shipped(db)).toEqual([]);
  });

  it("hands a message without an id, or with the id of another, to onPoison", async () => {
    await using db = await open();
    const consume = leased(db.prisma, async () => {}, { onPoison: keepPoison, input: ({ body }) => body });
    await consume({ id: "m1", body: "a" });
    expect(await consume({ id: "m1", body: "b" })).toMatchObject({ outcome: "poisoned" });
    expect(await consume({ body: "c" })).toMatchObject({ outcome: "poisoned" });
    expect(await shipped(db)).toEqual(["id_reused: b", "no_id: c"]);
  });

  it("refuses deliveries, which nobody would ask, and an unknown mode", async () => {
    await using db = await open();
    const options = (more: object) => () => leased(db.prisma, async () => {}, more);
    expect(options({ deliveries: () => 1 })).toThrow("option deliveries is of type function; give none");
    expect(options({ mode: "leased" })).toThrow('option mode is of type string ("leased")');
  });
});
