import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { EncryptionOptions } from "../../src/core/contract/options/encryption.ts";
import type { Store } from "../../src/core/contract/store.ts";
import { idempotencyOver } from "../../src/core/create.ts";
import { importedKey } from "../../src/core/encryption/imported-key.ts";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { databases } from "../support/database.ts";
import { request } from "../support/runs.ts";

const A = randomBytes(32);
const B = randomBytes(32);

describe("the options of encryption", () => {
  const make = (encryption: unknown) => () =>
    idempotencyOver({} as Store<unknown>, {}, { encryption: encryption as EncryptionOptions });

  test.each([
    [{}, "encryption.current"],
    [{ current: "", keys: {} }, "option encryption.current is of type string"],
    [{ current: "a:b", keys: { "a:b": A } }, "option encryption.current"],
    [{ current: undefined, keys: {} }, "option encryption.current is of type undefined"],
    [
      { current: "a", keys: { b: B, c: A } },
      'option encryption.keys has no key "a", which encryption.current names; it has b, c',
    ],
    [{ current: "a", keys: {} }, "it has none"],
    [{ current: "toString", keys: {} }, "it has none"],
    [{ current: "a" }, "option encryption.keys is of type undefined"],
    [{ current: "a", keys: null }, "option encryption.keys is of type null"],
    [{ current: null, keys: "x" }, "option encryption.keys is of type string"],
    [
      { current: "a", keys: { a: "short" } },
      'encryption.keys["a"] is a text of 5 characters that are not 32 bytes',
    ],
    [{ current: "a", keys: { a: randomBytes(16) } }, "is an array of 16 bytes; give 32 bytes"],
    [{ current: "a", keys: { a: 7 } }, "is of type number"],
    [{ current: "a", keys: { a: A, old: null } }, 'encryption.keys["old"] is of type null'],
    [{ current: "a", keys: { a: A }, plaintext: "yes" }, "option encryption.plaintext"],
    [{ current: "a", keys: { a: A }, key: A }, "no option encryption.key"],
    ["secret", "option encryption is of type string"],
    [null, "option encryption is of type null"],
  ])("%# refuses a wrong one", (encryption, message) => {
    expect(make(encryption)).toThrow(message);
    expect(make(encryption)).toThrow(TypeError);
  });

  test("have a name before their texts, which no codec may have", () => {
    const codec = { name: "aes-256-gcm", encode: String, decode: String };
    expect(() => idempotencyOver({} as Store<unknown>, { codec })).toThrow(
      "option codec.name is of type string",
    );
  });

  test("never show a key", () => {
    const text = "0123456789abcdef0123456789abcdef0123456789abcdef";
    expect(make({ current: "a", keys: { a: text } })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("0123") }),
    );
  });

  test("take a CryptoKey, and both alphabets of base64", async () => {
    await using db = await (databases[0] ?? expect.fail()).open();
    const usages = ["encrypt", "decrypt"] as const;
    const key = await crypto.subtle.importKey("raw", A, "AES-GCM", false, usages);
    const withKey = (a: CryptoKey | string) =>
      createIdempotency({ prisma: db.prisma, encryption: { current: "a", keys: { a } } });
    await withKey(key).run(request("k"), async () => 1);
    for (const text of [A.toString("base64url"), A.toString("base64")]) {
      const { replayed } = await withKey(text).run(request("k"), async () => 2);
      expect(replayed).toBe(true);
    }
    const onlyReads = await crypto.subtle.importKey("raw", A, "AES-GCM", false, ["decrypt"]);
    const short = await crypto.subtle.generateKey({ name: "AES-GCM", length: 128 }, false, usages);
    expect(make({ current: "a", keys: { a: onlyReads } })).toThrow("a CryptoKey that may only decrypt");
    const { publicKey } = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, [
      "sign",
      "verify",
    ]);
    expect(make({ current: "a", keys: { a: publicKey } })).toThrow("a CryptoKey for ECDSA;");
    expect(make({ current: "a", keys: { a: short } })).toThrow("a CryptoKey for AES-GCM of 128 bits");
    const cbc = await crypto.subtle.generateKey({ name: "AES-CBC", length: 256 }, false, usages);
    expect(make({ current: "a", keys: { a: cbc } })).toThrow("a CryptoKey for AES-CBC of 256 bits");
  });

  test("make keys that nobody can read out of the process", async () => {
    const key = await importedKey(A);
    expect(key.extractable).toBe(false);
    expect(key.usages).toEqual(["encrypt", "decrypt"]);
  });
});
