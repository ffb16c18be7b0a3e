/** The cipher alone, without a store. */
import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { EncryptionOptions, TextPlace } from "../../src/core/contract/options/encryption.ts";
import { Cipher } from "../../src/core/encryption/cipher.ts";
import { EncryptionError, KeyNotAtHandError } from "../../src/core/encryption/encryption-error.ts";

const A = randomBytes(32);
const B = randomBytes(32);
const place: TextPlace = { id: "record", column: "step", name: "charge" };
const byA = (more: Partial<EncryptionOptions> = {}) => new Cipher({ current: "a", keys: { a: A }, ...more });
const NONE: ReadonlySet<string> = new Set();

/** A cipher whose keys a function hands out, and how often it was asked. */
function asking(keys: Record<string, Uint8Array>) {
  const asked: string[] = [];
  const cipher = new Cipher({
    current: "a",
    keys: async (id) => {
      asked.push(id);
      return keys[id];
    },
  });
  return { cipher, asked };
}

describe("a cipher", () => {
  test.each(["", "x", "ünï 😀 \u0000 \u2028", "\uFEFFwith a mark of its byte order", "x".repeat(100_000)])(
    "%# opens what it has sealed",
    async (text) => {
      const sealed = await byA().seal(text, place);
      expect(sealed).toMatch(/^aes-256-gcm:a:[\w-]+$/);
      expect(await byA().open(sealed, place)).toBe(text);
      expect(await byA().seal(text, place)).not.toBe(sealed);
    },
  );

  test.each([
    { ...place, id: "another" },
    { ...place, column: "input" as const },
    { ...place, name: "refund" },
    { id: place.id, column: place.column },
  ])("%# does not open a text at another place", async (other) => {
    const sealed = await byA().seal("x", place);
    expect(await byA().open(sealed, other)).toBe(sealed);
  });

  test.each([
    "aes-256-gcm:a:",
    "aes-256-gcm:a",
    "aes-256-gcm:a:AAAAAAAAAAAAAAAA",
    "aes-256-gcm::AAAA",
    "aes-256-gcm:",
  ])("leaves %s as it is", async (text) => {
    expect(byA().isSealed(text)).toBe(true);
    expect(await byA().open(text, place)).toBe(text);
  });

  test("without a key to write by seals nothing, and reads", async () => {
    const reading = byA({ current: null });
    await reading.ready();
    expect(reading.encrypts).toBe(false);
    expect(byA().encrypts).toBe(true);
    expect(await reading.seal("x", place)).toBe("x");
    expect(await reading.open(await byA().seal("x", place), place)).toBe("x");
  });

  test("knows what is to be sealed anew", async () => {
    const sealed = await byA().seal("x", place);
    expect(byA().isOutdated(sealed)).toBe(false);
    expect(byA({ current: "b", keys: { a: A, b: B } }).isOutdated(sealed)).toBe(true);
    expect(byA({ current: null }).isOutdated(sealed)).toBe(true);
    expect(byA().isOutdated("x")).toBe(true);
    expect(byA().isSealed("x")).toBe(false);
  });

  test("refuses a text that was not sealed, where it is told to, and shows its beginning to nobody's codec", async () => {
    expect(await byA().open("x", place)).toBe("x");
    expect(await byA({ plaintext: "refuse" }).open("x", place)).toBe("aes-256-gcm:!:x");
  });

  test("asks for a key once, and never in a transaction", async () => {
    const { cipher, asked } = asking({ a: A, b: B });
    const sealed = await byA({ current: "b", keys: { b: B } }).seal("x", place);
    await expect(cipher.openAtHand(sealed, place, NONE)).rejects.toThrow(KeyNotAtHandError);
    expect(asked).toEqual([]);
    expect(await Promise.all([cipher.fetch("b"), cipher.fetch("b")])).toEqual([true, true]);
    expect(await cipher.openAtHand(sealed, place, NONE)).toBe("x");
    await cipher.ready();
    await cipher.ready();
    expect(asked).toEqual(["b", "a"]);
  });

  test("leaves what there is no key for, and asks for no name that none can have", async () => {
    const { cipher, asked } = asking({ a: A });
    const sealed = await byA({ current: "b", keys: { b: B } }).seal("x", place);
    expect(await cipher.fetch("b")).toBe(false);
    expect(await cipher.openAtHand(sealed, place, new Set(["b"]))).toBe(sealed);
    const strange = sealed.replace(":b:", `:${"b".repeat(65)}:`);
    expect(await cipher.open(strange, place)).toBe(strange);
    expect(asked).toEqual(["b"]);
  });

  test("has no key to write by: nothing is sealed, and it says which is missing", async () => {
    const { cipher } = asking({ b: B });
    const missing = 'Option encryption.keys has no key "a", which encryption.current names.';
    await expect(cipher.ready()).rejects.toThrow(missing);
    const error: unknown = await cipher.seal("x", place).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(EncryptionError);
    expect(error).toMatchObject({ message: missing, fault: "misconfigured" });
  });
});
