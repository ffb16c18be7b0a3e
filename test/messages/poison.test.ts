import { describe, expect, it } from "vitest";
import { createIdempotency } from "../../src/index.ts";
import { consumeOnce } from "../../src/messages/index.ts";
import { databases } from "../support/database.ts";
import { gate } from "../support/gate.ts";
import { keepPoison, type Message, type Options, shipped, shipping } from "./support.ts";

const failing = () => {
  throw new Error("out of crates");
};

describe.each(databases)("a message that is not consumed, on $name", ({ open }) => {
  const without: [string, Partial<Message> | null | undefined][] = [
    ["no id", { body: "a" }],
    ["an empty id", { id: "", body: "a" }],
    ["a number for an id", { id: 7 as never, body: "a" }],
    ["an object for an id", { id: {} as never, body: "a" }],
    ["nothing at all", undefined],
    ["null", null],
  ];

  it.each(without)("goes to onPoison with %s, and is to be acknowledged", async (_, message) => {
    await using db = await open();
    const consume = shipping(db.prisma, { onPoison: keepPoison });
    expect(await consume(message as Message)).toEqual({ outcome: "poisoned", replayed: false });
    expect(await shipped(db)).toEqual([`no_id: ${message?.body}`]);
    expect(await db.query("SELECT * FROM idempotency_record")).toEqual([]);
  });

  it("has an id of a wrong type: onPoison's error says what was found, and so does the failure without onPoison", async () => {
    await using db = await open();
    const errors: unknown[] = [];
    const onPoison: Options["onPoison"] = async (_, { error }) => errors.push(error);
    const wrong = [7, 820_982_911_946_154_500, {}, true];
    for (const id of wrong) {
      const message = { id: id as never, body: "a" };
      await shipping(db.prisma, { onPoison })(message);
      const [error] = errors.splice(0);
      expect(error).toMatchObject({ code: "KEY_INVALID", details: { reason: "not_a_string" } });
      await expect(shipping(db.prisma)(message)).rejects.toThrow((error as Error).message);
    }
  });

  it("is not blamed for a reader that is async, in either mode: consume rejects, and onPoison is not called", async () => {
    await using db = await open();
    const idempotency = createIdempotency({ prisma: db.prisma });
    const later = async () => "1";
    const message = { id: "m1", body: "a" };
    for (const wrong of [{ id: later }, { input: later }, { deliveries: later }]) {
      const consume = shipping(db.prisma, { onPoison: keepPoison, ...(wrong as object) });
      await expect(consume(message)).rejects.toThrow(TypeError);
      await expect(shipping(db.prisma, wrong as object)(message)).rejects.toThrow(TypeError);
    }
    for (const wrong of [{ id: later }, { input: later }]) {
      const good = { idempotency, consumer: "leased", id: () => "m1", mode: "lease", onPoison: keepPoison };
      const consume = consumeOnce({ ...good, ...wrong } as never);
      await expect(consume(async () => {})(message as never)).rejects.toThrow("returned a promise");
    }
    expect(await shipped(db)).toEqual([]);
  });

  it("is counted in the database if deliveries gives no whole number", async () => {
    await using db = await open();
    const deliveries = () => null as never;
    const consume = shipping(db.prisma, { attemptsMax: 2, onPoison: keepPoison, deliveries }, failing);
    await expect(consume({ id: "m1", body: "a" })).rejects.toThrow();
    expect(await consume({ id: "m1", body: "a" })).toMatchObject({ outcome: "poisoned" });
  });

  it("is not consumed by a handler that returns a Response with a status of a failure", async () => {
    await using db = await open();
    const idempotency = createIdempotency({ prisma: db.prisma });
    const answering = (status: number) => async () => new Response(null, { status });
    for (const mode of ["transaction", "lease"] as const) {
      const options = { idempotency, consumer: mode, id: ({ id }: Message) => id, mode };
      const failed = consumeOnce(options)(answering(500))({ id: "m1", body: "a" });
      await expect(failed).rejects.toThrow("returned a Response with the status 500");
      expect(await consumeOnce(options)(answering(204))({ id: "m1", body: "a" })).toEqual({
        outcome: "consumed",
        replayed: false,
      });
    }
  });

  it("goes to onPoison as without an id, whatever its input is", async () => {
    await using db = await open();
    const idempotency = createIdempotency({ prisma: db.prisma });
    const options = { input: () => new Error("input"), attemptsMax: 2, onPoison: keepPoison };
    const consume = shipping(db.prisma, options);
    for (let delivery = 1; delivery <= 3; delivery += 1) {
      expect(await consume({ id: "m1", body: "a" })).toEqual({ outcome: "poisoned", replayed: false });
    }
    const leased = consumeOnce({
      idempotency,
      consumer: "leased",
      id: () => "m1",
      mode: "lease",
      ...options,
    });
    expect(await leased(failing)({ id: "m1", body: "b" })).toEqual({ outcome: "poisoned", replayed: false });
    expect(await shipped(db)).toEqual(["no_id: a", "no_id: a", "no_id: a", "no_id: b"]);
    await expect(
      shipping(db.prisma, { input: options.input })({ id: "m1", body: "a" }),
    ).rejects.toMatchObject({
      code: "INPUT_INVALID",
    });
  });

  it("fails without an id where there is no onPoison, with what to do", async () => {
    await using db = await open();
    await expect(shipping(db.prisma)({ body: "a" })).rejects.toMatchObject({
      code: "KEY_MISSING",
      message: expect.stringContaining("give option onPoison"),
    });
  });

  it("goes to onPoison after attemptsMax failures that the database counts, in one transaction with its record", async () => {
    await using db = await open();
    const errors: unknown[] = [];
    const consume = shipping(
      db.prisma,
      {
        attemptsMax: 3,
        onPoison: async (message, context) => {
          errors.push(context.error);
          await keepPoison(message, context);
        },
      },
      failing,
    );
    const message = { id: "m1", body: "a" };
    await expect(consume(message)).rejects.toThrow("out of crates");
    await expect(consume(message)).rejects.toThrow("out of crates");
    expect(await shipped(db)).toEqual([]);
    expect(await consume(message)).toEqual({ outcome: "poisoned", replayed: false });
    expect(errors).toMatchObject([{ message: "out of crates" }]);
    expect(await consume(message)).toEqual({ outcome: "poisoned", replayed: true });
    expect(await shipped(db)).toEqual(["attempts: a"]);
  });

  it("counts for each message and each consumer apart", async () => {
    await using db = await open();
    const options = { attemptsMax: 2, onPoison: keepPoison };
    const a = shipping(db.prisma, { ...options, consumer: "a" }, failing);
    const b = shipping(db.prisma, { ...options, consumer: "b" }, failing);
    await expect(a({ id: "m1", body: "a" })).rejects.toThrow();
    await expect(a({ id: "m2", body: "a" })).rejects.toThrow();
    await expect(b({ id: "m1", body: "a" })).rejects.toThrow();
    expect(await a({ id: "m1", body: "a" })).toMatchObject({ outcome: "poisoned" });
  });

  it("may succeed before its last attempt", async () => {
    await using db = await open();
    let left = 2;
    const consume = shipping(db.prisma, { attemptsMax: 3, onPoison: keepPoison }, () => {
      if (left > 0) {
        left -= 1;
        failing();
      }
    });
    const message = { id: "m1", body: "a" };
    await expect(consume(message)).rejects.toThrow();
    await expect(consume(message)).rejects.toThrow();
    expect(await consume(message)).toEqual({ outcome: "consumed", replayed: false });
    expect(await shipped(db)).toEqual(["a"]);
  });

  it("goes to onPoison when it fails at the delivery that the broker counts as the last", async () => {
    await using db = await open();
    const deliveries = (message: Message) => message.deliveries;
    const consume = shipping(db.prisma, { attemptsMax: 3, onPoison: keepPoison, deliveries }, failing);
    await expect(consume({ id: "m1", body: "a", deliveries: 2 })).rejects.toThrow();
    expect(await consume({ id: "m1", body: "a", deliveries: 3 })).toMatchObject({ outcome: "poisoned" });
    expect(await shipped(db)).toEqual(["attempts: a"]);
  });

  it("is tried once more past the limit, as the database may have been away, and then no more", async () => {
    await using db = await open();
    const deliveries = (message: Message) => message.deliveries;
    const options = { attemptsMax: 3, onPoison: keepPoison, deliveries };
    const innocent = shipping(db.prisma, options);
    expect(await innocent({ id: "m1", body: "a", deliveries: 9 })).toMatchObject({ outcome: "consumed" });
    expect(await innocent({ id: "m1", body: "a", deliveries: 10 })).toEqual({
      outcome: "consumed",
      replayed: true,
    });
    // One whose process ends never comes to an end here.
    const killer = shipping(
      db.prisma,
      { ...options, transaction: { timeoutMs: 200 } },
      () => new Promise(() => {}),
    );
    void killer({ id: "m2", body: "b", deliveries: 4 }).catch(() => {});
    const heir = shipping((await db.connect()) as typeof db.prisma, {
      ...options,
      transaction: { maxWaitMs: 120_000 },
    });
    await expect
      .poll(() => db.query(`SELECT 1 FROM idempotency_record WHERE operation = 'shipping attempts'`))
      .toHaveLength(2);
    expect(await heir({ id: "m2", body: "b", deliveries: 5 })).toMatchObject({ outcome: "poisoned" });
    expect(await shipped(db)).toEqual(["a", "attempts: b"]);
  });

  it("is no message with the id of another, where input tells them apart", async () => {
    await using db = await open();
    const consume = shipping(db.prisma, { input: ({ body }) => body, onPoison: keepPoison });
    await consume({ id: "m1", body: "a" });
    expect(await consume({ id: "m1", body: "b" })).toEqual({ outcome: "poisoned", replayed: false });
    expect(await consume({ id: "m1", body: "a" })).toEqual({ outcome: "consumed", replayed: true });
    expect(await shipped(db)).toEqual(["a", "id_reused: b"]);
    const strict = shipping(db.prisma, { input: ({ body }) => body });
    await expect(strict({ id: "m1", body: "b" })).rejects.toMatchObject({ code: "KEY_REUSED" });
  });

  it("fails when onPoison fails, is delivered again, and then taken", async () => {
    await using db = await open();
    let broken = true;
    const consume = shipping(
      db.prisma,
      {
        attemptsMax: 1,
        onPoison: async (message, context) => {
          await keepPoison(message, context);
          if (broken) throw new Error("no dead letters today");
        },
      },
      failing,
    );
    await expect(consume({ id: "m1", body: "a" })).rejects.toThrow("no dead letters today");
    expect(await shipped(db)).toEqual([]);
    broken = false;
    expect(await consume({ id: "m1", body: "a" })).toMatchObject({ outcome: "poisoned" });
    expect(await shipped(db)).toEqual(["attempts: a"]);
  });

  it("gives an error that onPoison throws again and again one cause, the last, and no circle", async () => {
    await using db = await open();
    const away = new Error("no dead letters");
    const options: Partial<Options> = { attemptsMax: 1, onPoison: () => Promise.reject(away) };
    const reasons = ["1", "2", "3"].map((text) => new Error(text));
    for (const reason of reasons) {
      const consume = shipping(db.prisma, options, () => Promise.reject(reason));
      await expect(consume({ id: `m${reason.message}`, body: "a" })).rejects.toBe(away);
    }
    expect(away.cause).toBe(reasons[2]);
    expect(reasons.map(({ cause }) => cause)).toEqual([undefined, undefined, undefined]);

    // The driver's error is the cause of ours, and what onPoison passes on.
    const driver = new Error("connection lost");
    const onPoison: Options["onPoison"] = (_, { error }) => Promise.reject((error as Error).cause as Error);
    const passing = shipping(db.prisma, { attemptsMax: 1, onPoison }, () =>
      Promise.reject(new Error("no order", { cause: driver })),
    );
    await expect(passing({ id: "m4", body: "a" })).rejects.toBe(driver);
    expect(driver.cause).toBeUndefined();

    const coded = new Error("no dead letters", { cause: "E42" });
    const keeping = shipping(db.prisma, { attemptsMax: 1, onPoison: () => Promise.reject(coded) }, () =>
      Promise.reject(new Error("sold out")),
    );
    await expect(keeping({ id: "m5", body: "a" })).rejects.toBe(coded);
    expect(coded.cause).toBe("E42");
  });

  it("fails with the error of onPoison, whose cause is that of the handler, or of the id", async () => {
    await using db = await open();
    const sold = new Error("sold out");
    const away = new Error("no dead letters", { cause: new Error("no table") });
    const onPoison = () => Promise.reject(away);
    const consume = shipping(db.prisma, { attemptsMax: 1, onPoison }, () => Promise.reject(sold));
    await expect(consume({ id: "m1", body: "a" })).rejects.toBe(away);
    expect((away.cause as Error).cause).toBe(sold);

    const plain = new Error("no dead letters");
    const unread = shipping(db.prisma, { onPoison: () => Promise.reject(plain) });
    await expect(unread({ id: 7 as never, body: "a" })).rejects.toBe(plain);
    expect(plain.cause).toMatchObject({ code: "KEY_INVALID" });

    const rethrowing = (_: Message, { error }: { error: unknown }) => Promise.reject(error);
    const same = shipping(db.prisma, { attemptsMax: 1, onPoison: rethrowing }, () => Promise.reject(sold));
    await expect(same({ id: "m2", body: "a" })).rejects.toBe(sold);
    expect(sold.cause).toBeUndefined();
    const frozen = Object.freeze(new Error("frozen"));
    const stiff = shipping(db.prisma, { attemptsMax: 1, onPoison: () => Promise.reject(frozen) }, failing);
    await expect(stiff({ id: "m3", body: "a" })).rejects.toBe(frozen);
  });

  it("survives readers that fail on it", async () => {
    await using db = await open();
    const broken = () => {
      throw new TypeError("not what it looks like");
    };
    const onPoison = keepPoison;
    expect(await shipping(db.prisma, { id: broken, onPoison })({ id: "1", body: "a" })).toMatchObject({
      outcome: "poisoned",
    });
    expect(await shipping(db.prisma, { input: broken, onPoison })({ id: "2", body: "b" })).toMatchObject({
      outcome: "poisoned",
    });
    expect(await shipping(db.prisma, { deliveries: broken, onPoison })({ id: "3", body: "c" })).toMatchObject(
      {
        outcome: "consumed",
      },
    );
    expect(await shipped(db)).toEqual(["c", "no_id: a", "no_id: b"]);
  });

  it("is not blamed for a store that lacks its table", async () => {
    await using db = await open();
    const deliveries = (message: Message) => message.deliveries;
    const consume = shipping(db.prisma, { attemptsMax: 1, onPoison: keepPoison, deliveries });
    await db.query("ALTER TABLE idempotency_record RENAME TO away");
    for (const delivery of [1, 2, 3]) {
      const message = { id: "m1", body: "a", deliveries: delivery };
      await expect(consume(message)).rejects.toMatchObject({ code: "STORE_MISCONFIGURED" });
    }
    await db.query("ALTER TABLE away RENAME TO idempotency_record");
    expect(await consume({ id: "m1", body: "a", deliveries: 4 })).toMatchObject({ outcome: "consumed" });
    expect(await shipped(db)).toEqual(["a"]);
  });

  it("is not blamed for a duplicate under way elsewhere", async () => {
    await using db = await open();
    const began = gate();
    const mayEnd = gate();
    const options = { attemptsMax: 2, onPoison: keepPoison, onDuplicate: "reject" as const };
    let executions = 0;
    const consume = shipping(db.prisma, options, async () => {
      executions += 1;
      began.open();
      await mayEnd.opened;
      if (executions === 1) failing();
    });
    const first = consume({ id: "m1", body: "a" });
    await began.opened;
    for (let sent = 0; sent < 2; sent += 1) {
      await expect(consume({ id: "m1", body: "a" })).rejects.toMatchObject({ code: "IN_PROGRESS" });
    }
    mayEnd.open();
    await expect(first).rejects.toThrow("out of crates");
    expect(await consume({ id: "m1", body: "a" })).toMatchObject({ outcome: "consumed" });
    expect(await shipped(db)).toEqual(["a"]);
  });
});
