/** Rows that somebody has changed, and values that clients have put there: neither reaches what all objects share. */
import superjson from "superjson";
import { describe, expect, test } from "vitest";
import { errorSerializer } from "../../src/core/contract/errors/error-serializer.ts";
import { devalueCodec, transformerCodec } from "../../src/core/contract/options/codec.ts";
import { decodeCached, encodeCached } from "../../src/core/outcome/cached-outcome.ts";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { trpcErrorSerializer } from "../../src/trpc/errors/stored-error.ts";
import { fromStoredResult } from "../../src/yoga/unit/stored-result.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { DOORS } from "./doors.ts";
import { watchPrototypes } from "./prototypes.ts";

/** What a member of an object is called to reach more than that object. */
const NAMES = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "valueOf",
  "then",
  "toJSON",
  "hasOwnProperty",
];

const INNER = { name: "Error", message: "inner", properties: {} };
const errorWith = (more: object) => ({ name: "Error", message: "m", properties: { list: [null] }, ...more });
const nestedAt = (...path: (string | number)[]) => errorWith({ nested: [{ path, error: INNER }] });

/** Rows of errors, as no error is stored. */
const FORGED_ERRORS: Readonly<Record<string, unknown>> = {
  "an error inside of a prototype": nestedAt("__proto__", "polluted"),
  "an error inside of a class": nestedAt("constructor", "polluted"),
  "an error inside of the prototype of a class": nestedAt("constructor", "prototype", "polluted"),
  "an error inside of a method": nestedAt("toString", "polluted"),
  "an error inside of the methods of a list": nestedAt("list", "push", "polluted"),
  "an error inside of a text": errorWith({
    properties: { text: "x" },
    nested: [{ path: ["text", 0], error: INNER }],
  }),
  "an error nowhere": nestedAt(),
  "no path": errorWith({ nested: [{ error: INNER }] }),
  "no list of errors": errorWith({ nested: 5 }),
  "no properties": { name: "Error", message: "m" },
  "properties that are a text": { name: "Error", message: "m", properties: "xyz" },
  "the name of a method as its class": errorWith({ class: "toString" }),
  "a prototype as its class": errorWith({ class: "__proto__" }),
  "zod's traits that are none": errorWith({ zod: 5 }),
  "zod's traits without issues": errorWith({ zod: ["ZodError"] }),
  nothing: null,
  "a number": 5,
};

describe("a stored error that was forged", () => {
  test.each(Object.entries(FORGED_ERRORS))(
    "as %s gives an error or none, and changes no prototype",
    (_, forged) => {
      const unchanged = watchPrototypes();
      for (const { deserialize } of [errorSerializer, trpcErrorSerializer]) {
        for (const stored of [forged, { ...(forged as object), cause: forged, code: "CONFLICT" }]) {
          try {
            deserialize(stored, []);
          } catch (error) {
            expect(error).toBeInstanceOf(Error);
          }
          unchanged();
        }
      }
    },
  );

  test("as its own cause is refused, and does not end the process", () => {
    const circle: Record<string, unknown> = { ...INNER };
    circle["cause"] = circle;
    circle["nested"] = [{ path: ["list", 0], error: circle }];
    const stored = devalueCodec.decode(devalueCodec.encode(circle));
    expect(() => errorSerializer.deserialize(stored)).toThrow(Error);
  });

  test("with an error where it has no place is refused", () => {
    for (const path of [
      ["__proto__", "x"],
      ["constructor", "x"],
      ["text", "x"],
      ["list", "length", "x"],
    ]) {
      expect(() => errorSerializer.deserialize(nestedAt(...path))).toThrow("where it has no place for one");
    }
    const found = errorSerializer.deserialize(nestedAt("list", 0)) as { list: Error[] };
    expect(found.list[0]).toBeInstanceOf(Error);
  });
});

/** Rows of results, as no codec writes them. */
const FORGED_TEXTS: readonly string[] = [
  ...NAMES.flatMap((name) => [
    `[{"${name}":1},{"polluted":2},"x"]`,
    `[["Object",1,"${name}",2],{"polluted":2},"x"]`,
    `[["null","${name}",1],"x"]`,
    `[["${name}",1],{"polluted":2},"x"]`,
    `[["Map",1,2],"${name}",{"polluted":3},"x"]`,
    `[["Row",1],{"${name}":2},{"polluted":3},"x"]`,
    `[["Decimal",1],{"${name}":2},"x"]`,
  ]),
  '[["Date",0]]',
  "[[-7,4294967295]]",
  "[[-7,4294967296]]",
  "[[-7,5,9,1],2]",
  '[["BigInt","x"]]',
  '[["RegExp","(","g"]]',
  '[["URL","x"]]',
  '[["Uint8Array",1],["ArrayBuffer","%"]]',
  '[["DataView",1,9,9],["ArrayBuffer","AAAA"]]',
  '[["Temporal.Instant","x"]]',
  "[[0]]",
  "-8",
  "[]",
  "null",
  "{}",
];

const FORGED_SUPERJSON: readonly string[] = NAMES.flatMap((name) => [
  `{"json":{"${name}":{"polluted":"x"}}}`,
  `{"json":{"a":{}},"meta":{"values":{"${name}.polluted":["Date"]}}}`,
  `{"json":{"a":{}},"meta":{"values":{"a.${name}.polluted":["Date"],"a.constructor.prototype.polluted":["Date"]}}}`,
  `{"json":{"a":{"polluted":1}},"meta":{"referentialEqualities":{"a":["${name}.polluted","b.${name}"]}}}`,
  `{"json":{"a":{}},"meta":{"values":{"a":[["class","${name}"]]}}}`,
  `{"json":{"a":"x"},"meta":{"values":{"a":[["symbol","${name}"]],"${name}":[["custom","${name}"]]}}}`,
]);

describe("a stored result that was forged", () => {
  test.each([
    ["devalue", devalueCodec, FORGED_TEXTS],
    ["superjson", transformerCodec(superjson), FORGED_SUPERJSON],
    [
      "JSON",
      transformerCodec({ serialize: (value) => value, deserialize: (value) => value }),
      FORGED_SUPERJSON,
    ],
  ] as const)("for %s is a value or an error, and changes no prototype", (_, codec, texts) => {
    const unchanged = watchPrototypes();
    for (const text of texts) {
      try {
        const value = codec.decode(text);
        if (typeof value === "object" && value !== null) {
          expect([Object.prototype, Array.prototype, Reflect.getPrototypeOf(value)]).toContain(
            Reflect.getPrototypeOf(value),
          );
        }
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
      unchanged();
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    }
  });

  test("for GraphQL is a result or an error, and changes no prototype", () => {
    const unchanged = watchPrototypes();
    const paths = NAMES.map((name) => ({
      message: "m",
      path: [name],
      extensions: { [name]: { polluted: 1 } },
    }));
    for (const stored of [
      { json: '{"data":{"__proto__":{"polluted":1}},"extensions":{"__proto__":{"polluted":1}}}' },
      { json: "5" },
      { errors: paths },
      { errors: "xyz" },
      { errors: [null] },
    ]) {
      try {
        fromStoredResult(stored as never, undefined);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
      unchanged();
    }
  });

  test("in a cache is nothing, or what the codec makes of it", () => {
    const unchanged = watchPrototypes();
    const record = { status: "completed", fingerprint: "f", owner: "o", response: "r" } as const;
    const entry = encodeCached({ id: "i", record, expiresAt: 9 });
    for (const name of NAMES) {
      const forged = entry.replace('"status"', `"${name}":{"polluted":1},"status"`);
      expect(decodeCached(forged, "i", 0)).toEqual(record);
      expect(decodeCached(`{"__proto__":${entry}}`, "i", 0)).toBeUndefined();
      unchanged();
    }
  });
});

describe("a value with the members of a prototype, which a client has sent,", () => {
  const hostile = JSON.parse(
    `{${NAMES.map((name) => `"${name}":{"polluted":true}`).join(",")},"list":[{"__proto__":{"polluted":1}}]}`,
  ) as object;
  const without = Object.fromEntries(
    Object.entries(hostile).filter(([name]) => !/__proto__|list/.test(name)),
  );

  test.each(databases)(
    "is stored and replayed, or refused, as result, error, step and input: $name",
    async ({ open }) => {
      await using db = await open();
      const unchanged = watchPrototypes();
      const idempotency = createIdempotency({ prisma: db.prisma, storeError: () => true, storeInput: true });
      const asked = (key: string, input?: unknown) => ({ operation: "o", scope: "u", key, input });
      for (const turn of [1, 2]) {
        expect(await idempotency.run(asked("result"), async () => without)).toMatchObject({
          replayed: turn === 2,
        });
        const failed = idempotency.run(asked("error"), async () => {
          throw Object.assign(new TypeError("m"), without, { meta: { list: [new TypeError("inner")] } });
        });
        expect(await failed.catch((error: unknown) => error)).toMatchObject({
          prototype: { polluted: true },
          meta: { list: [{ message: "inner" }] },
        });
        const step = idempotency.runLeased(asked("step", without), ({ step: take }) =>
          take("s", () => without),
        );
        expect(await step).toMatchObject({ value: { toJSON: { polluted: true } } });
      }
      await expect(idempotency.run(asked("own"), async () => hostile)).rejects.toMatchObject({
        code: "RESULT_UNSTORABLE",
      });
      await expect(
        idempotency.run(asked("step", { ...without, more: 1 }), async () => 1),
      ).rejects.toMatchObject({ code: "KEY_REUSED" });
      const unread = idempotency.runLeased(asked("input", hostile), async () => expect.fail("RAN"));
      await expect(unread).rejects.toThrow("the input of o cannot be stored");
      for (const key of ["result", "error", "step"])
        await idempotency.inspect({ operation: "o", scope: "u", key });
      unchanged();
    },
  );

  test("whose getters fail tells what they threw to the caller, and to no client", async () => {
    await using db = await databases[0]!.open();
    const idempotency = createIdempotency({ prisma: db.prisma });
    const result = {
      get token() {
        throw new Error("of a getter");
      },
    };
    const run = idempotency.run({ operation: "o", scope: "u", key: "k" }, async () => result);
    await expect(run).rejects.toMatchObject({
      code: "RESULT_UNSTORABLE",
      message: expect.not.stringContaining("getter"),
      cause: expect.objectContaining({ message: "of a getter" }),
    });
  });
});

const ask = { mode: "transaction", key: "k", user: "ada", input: "card" } as const;

async function tamper(db: TestDatabase, status: string, response: string): Promise<void> {
  await db.query(
    `UPDATE idempotency_record SET status = ${db.placeholder(1)}, response = ${db.placeholder(2)}`,
    [status, response],
  );
}

describe.each(databases)("a row that somebody has changed, on $name,", ({ open }) => {
  test.each(DOORS.map((door) => ({ door, name: door.name })))(
    "is an answer or an error through $name, is not executed again, and changes no prototype",
    async ({ door }) => {
      await using db = await open();
      const idempotency = createIdempotency({ prisma: db.prisma });
      await door.send(idempotency, { ...ask, answer: () => "first" });
      const unchanged = watchPrototypes();
      const values = [
        ...Object.values(FORGED_ERRORS),
        5,
        null,
        {},
        [],
        { status: 999, headers: 5, body: {} },
      ];
      const texts = [
        ...values.map((value) => devalueCodec.encode(value)),
        devalueCodec.encode({
          status: 200,
          statusText: "a\r\nset-cookie: a=b",
          headers: [["a\r\nb", "c"]],
          body: null,
        }),
        ...FORGED_TEXTS.slice(0, 8),
      ];
      for (const text of [...texts.map((each) => `devalue:${each}`), "", ":", "zzWORDSzz", "zz WORDS:[1]"]) {
        for (const status of ["completed", "failed"]) {
          await tamper(db, status, text);
          const { status: code, text: shown } = await door.send(idempotency, {
            ...ask,
            answer: () => expect.fail("RAN TWICE"),
          });
          expect(shown).not.toMatch(/zz ?WORDS|RAN TWICE|\["set-cookie"/);
          expect([code, shown]).not.toEqual([500, ""]);
          unchanged();
        }
      }
      expect(await db.countOrders()).toBe(1);
    },
  );
});
