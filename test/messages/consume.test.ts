import { describe, expect, it } from "vitest";
import { createIdempotency } from "../../src/index.ts";
import { consumeOnce } from "../../src/messages/index.ts";
import { databases } from "../support/database.ts";
import { gate } from "../support/gate.ts";
import { type Message, shipped, shipping } from "./support.ts";

const failing = () => {
  throw new Error("out of crates");
};

describe.each(databases)("consumeOnce, on $name", ({ open }) => {
  it("consumes a message once, and says of a redelivery that it is one", async () => {
    await using db = await open();
    const consume = shipping(db.prisma);
    expect(await consume({ id: "m1", body: "a" })).toEqual({ outcome: "consumed", replayed: false });
    expect(await consume({ id: "m1", body: "a" })).toEqual({ outcome: "consumed", replayed: true });
    expect(await consume({ id: "m2", body: "b" })).toEqual({ outcome: "consumed", replayed: false });
    expect(await shipped(db)).toEqual(["a", "b"]);
  });

  it("commits record and writes before it resolves, and both or neither", async () => {
    await using db = await open();
    const consume = shipping(db.prisma, {}, ({ body }) => (body === "bad" ? failing() : undefined));
    await consume({ id: "m1", body: "a" });
    expect(await db.query("SELECT operation, key, status FROM idempotency_record")).toEqual([
      { operation: "shipping", key: "m1", status: "completed" },
    ]);
    await expect(consume({ id: "m2", body: "bad" })).rejects.toThrow("out of crates");
    expect(await db.query("SELECT key FROM idempotency_record")).toEqual([{ key: "m1" }]);
    expect(await shipped(db)).toEqual(["a"]);
  });

  it("lets each consumer consume a message", async () => {
    await using db = await open();
    await shipping(db.prisma, { consumer: "shipping" })({ id: "m1", body: "a" });
    await shipping(db.prisma, { consumer: "billing" })({ id: "m1", body: "b" });
    expect(await shipped(db)).toEqual(["a", "b"]);
  });

  it("does not mistake the key of a request for a message", async () => {
    await using db = await open();
    const idempotency = createIdempotency({ prisma: db.prisma });
    await idempotency.run({ operation: "shipping", key: "m1", scope: "global" }, async () => 1);
    await shipping(db.prisma)({ id: "m1", body: "a" });
    expect(await shipped(db)).toEqual(["a"]);
  });

  it("consumes a message once whose duplicates are delivered at the same time", async () => {
    await using db = await open();
    const began = gate();
    const mayEnd = gate();
    const consume = shipping(db.prisma, {}, async () => {
      began.open();
      await mayEnd.opened;
    });
    const all = Array.from({ length: 10 }, () => consume({ id: "m1", body: "a" }));
    await began.opened;
    mayEnd.open();
    const consumptions = await Promise.all(all);
    expect(consumptions.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(await shipped(db)).toEqual(["a"]);
  });

  it.each(["x".repeat(10_000), "schlüssel", "a\nb", "\0", "😀", `"quoted" ; and, spaced`])(
    "takes ids of any length and alphabet: %.20j",
    async (id) => {
      await using db = await open();
      const consume = shipping(db.prisma);
      expect(await consume({ id, body: "a" })).toMatchObject({ replayed: false });
      expect(await consume({ id, body: "a" })).toMatchObject({ replayed: true });
      expect(await consume({ id: `${id}.`, body: "b" })).toMatchObject({ replayed: false });
    },
  );

  it("leaves the errors that requests store to be delivered again", async () => {
    await using db = await open();
    const idempotency = createIdempotency({ prisma: db.prisma, storeError: () => true });
    let failures = 0;
    const consume = consumeOnce({ idempotency, consumer: "c", id: ({ id }: Message) => id })(async () => {
      failures += 1;
      failing();
    });
    for (let sent = 0; sent < 2; sent += 1) await expect(consume({ id: "m1", body: "a" })).rejects.toThrow();
    expect(failures).toBe(2);
  });

  it("runs what is registered for after the commit once", async () => {
    await using db = await open();
    const seen: unknown[] = [];
    const idempotency = createIdempotency({ prisma: db.prisma });
    const consume = consumeOnce({ idempotency, consumer: "c", id: ({ id }: Message) => id })(
      async (_, { afterCommit, key, deriveKey }) => {
        afterCommit(() => seen.push(key, deriveKey("a") === deriveKey("a")));
      },
    );
    await consume({ id: "m1", body: "a" });
    await consume({ id: "m1", body: "a" });
    expect(seen).toEqual(["m1", true]);
  });
});
