import superjson from "superjson";
import { describe, expect, test } from "vitest";
import { type Codec, devalueCodec, transformerCodec } from "../../src/core/contract/options/codec.ts";
import { databases } from "../support/database.ts";
import { failureOf, idempotencyOf, orderOf, placing, records, request } from "../support/runs.ts";

class Receipt {
  readonly total = 1;
}

describe.each(databases)("a result on $name", ({ open }) => {
  test.each<[string, () => unknown, string]>([
    ["a class instance", () => ({ items: [{ receipt: new Receipt() }] }), ".items[0].receipt"],
    ["a stream", () => ({ body: new ReadableStream() }), ".body"],
    ["a function", () => ({ f: () => 1 }), ".f"],
  ])("that cannot be stored rolls the writes back and names the path: %s", async (_what, make, path) => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const error = await failureOf(
      idempotency.run(request("k"), async ({ tx }) => {
        await tx.order.create({ data: orderOf("k") });
        return make();
      }),
    );
    expect(error).toMatchObject({
      code: "RESULT_UNSTORABLE",
      retryable: false,
      details: { operation: "orders.place", path },
    });
    expect(error.message).toContain(path);
    expect([await db.countOrders(), (await records(db)).length]).toEqual([0, 0]);
    expect((await idempotency.run(request("k"), placing("k"))).replayed).toBe(false);
  });

  test.each<[string, () => unknown, string]>([
    ["a class", () => [new Receipt()], "at [0] (Cannot store an instance of Receipt)"],
    ["a class at the top", () => new Receipt(), "cannot be stored (Cannot store an instance of Receipt)"],
    ["a Response", () => ({ a: new Response() }), "at .a (Cannot store an instance of Response)"],
    ["a promise", () => ({ a: Promise.resolve() }), "at .a (Cannot store an instance of Promise)"],
    [
      "a generator",
      async () => ({ a: (async function* () {})() }),
      "at .a (Cannot store an instance of AsyncGenerator)",
    ],
    ["a function", () => ({ a: () => 1 }), "at .a (Cannot store a function)"],
    ["a symbol", () => ({ a: Symbol("a") }), "at .a (Cannot store a symbol)"],
  ])("that cannot be stored is named in the message, by either codec: %s", async (_what, make, text) => {
    await using db = await open();
    const failureWith = (codec: Codec) =>
      failureOf(idempotencyOf(db.prisma, { codec }).run(request("k"), async () => make()));
    expect((await failureWith(devalueCodec)).message).toContain(text);
    if (!text.includes("Receipt")) {
      expect((await failureWith(transformerCodec(superjson))).message).toContain(text);
    }
  });

  test("may take resultBytesMax bytes of UTF-8 and not one more", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    // 'devalue:["…"]' around the text; é is two bytes, one character.
    const around = 'devalue:[""]'.length;
    for (const { key, unit, bytes } of [
      { key: "ascii", unit: "a", bytes: 1 },
      { key: "accent", unit: "é", bytes: 2 },
    ]) {
      const value = unit.repeat(50);
      const size = around + 50 * bytes;
      const work = async ({ tx }: Parameters<ReturnType<typeof placing>>[0]) => {
        await tx.order.create({ data: orderOf(key) });
        return value;
      };
      const tooLarge = await failureOf(idempotency.run(request(key, { resultBytesMax: size - 1 }), work));
      expect(tooLarge.code).toBe("RESULT_UNSTORABLE");
      expect(tooLarge.message).toContain(`${size} bytes; resultBytesMax is ${size - 1}`);
      expect(await db.countOrders({ key })).toBe(0);
      await idempotency.run(request(key, { resultBytesMax: size }), work);
      expect(await idempotency.run(request(key), work)).toEqual({ value, replayed: true });
      expect(await db.countOrders({ key })).toBe(1);
    }
  });

  test("of a megabyte comes back whole", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const value = "é".repeat(500_000);
    await idempotency.run(request("k"), async () => value);
    const replay = await idempotency.run(request("k"), async () => "");
    expect(replay.value === value).toBe(true);
  });

  test.each([
    ["cut short", "devalue:[[1,2"],
    ["emptied", ""],
    ["without a codec's name", "[1]"],
    ["with another codec's name", 'superjson:{"json":1}'],
    ["with a name that only begins alike", "devalue2:[1]"],
    ["with a Decimal that is none", 'devalue:[["Decimal",1],"x"]'],
  ])("that was tampered with is RESULT_UNREADABLE, and never executes again: %s", async (_what, response) => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const place = placing("k");
    await idempotency.run(request("k"), place);
    await db.prisma.idempotencyRecord.updateMany({ data: { response } });
    for (let retry = 0; retry < 2; retry += 1) {
      const error = await failureOf(idempotency.run(request("k"), place));
      expect(error).toMatchObject({ code: "RESULT_UNREADABLE", retryable: false });
      expect(error.cause).toBeInstanceOf(Error);
    }
    expect([place.runs, await db.countOrders()]).toEqual([1, 1]);
  });

  test("is refused to another codec, and read again by the first", async () => {
    await using db = await open();
    const place = placing("k");
    const first = await idempotencyOf(db.prisma).run(request("k"), place);
    const other = idempotencyOf(db.prisma, { codec: transformerCodec(superjson) });
    expect((await failureOf(other.run(request("k"), place))).code).toBe("RESULT_UNREADABLE");
    const again = await idempotencyOf(db.prisma).run(request("k"), place);
    expect([again.value.id, again.replayed]).toEqual([first.value.id, true]);
    expect(place.runs).toBe(1);
  });

  test("goes through the codec of the run, not of the library, where both are given", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const codec = transformerCodec(superjson);
    const value = { at: new Date(5), tags: new Set(["a"]) };
    await idempotency.run(request("k", { codec }), async () => value);
    expect(await idempotency.run(request("k", { codec }), async () => ({}))).toEqual({
      value,
      replayed: true,
    });
    expect(await records(db)).toMatchObject([{ response: expect.stringMatching(/^transformer:/) }]);
  });

  test("is not read by a codec whose name another codec's name begins with", async () => {
    await using db = await open();
    const named = (name: string): Codec => ({ ...devalueCodec, name });
    const run = (name: string) =>
      idempotencyOf(db.prisma, { codec: named(name) }).run(request("k"), async () => 1);
    await run("json5");
    expect((await failureOf(run("json"))).code).toBe("RESULT_UNREADABLE");
    expect((await run("json5")).replayed).toBe(true);
  });

  test("of a codec that gives no text is refused before anything is committed", async () => {
    await using db = await open();
    const codec: Codec = {
      name: "broken",
      encode: () => {
        throw new RangeError("no room");
      },
      decode: () => 1,
    };
    const error = await failureOf(idempotencyOf(db.prisma, { codec }).run(request("k"), placing("k")));
    expect(error).toMatchObject({ code: "RESULT_UNSTORABLE", cause: expect.any(RangeError) });
    expect([await db.countOrders(), (await records(db)).length]).toEqual([0, 0]);
  });
});
