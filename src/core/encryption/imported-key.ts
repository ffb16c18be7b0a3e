import type { webcrypto } from "node:crypto";
import { typeOf } from "../browser/option-checks.ts";
import type { EncryptionKey } from "../contract/options/encryption.ts";

const KEY_BYTES = 32;
const BASE64 = /^[\w+/-]{43}=?$/;

export const KEY_REMEDY =
  "give 32 bytes as a Uint8Array, in base64, or as a CryptoKey for AES-GCM that may encrypt and decrypt";

/** What is wrong with a key, if something is. Tells nothing of its bytes. */
export function problemOf(key: unknown): string | undefined {
  if (typeof key === "string") {
    return BASE64.test(key)
      ? undefined
      : `a text of ${key.length} characters that are not 32 bytes in base64`;
  }
  if (key instanceof Uint8Array) {
    return key.length === KEY_BYTES ? undefined : `an array of ${key.length} bytes`;
  }
  if (!isCryptoKey(key)) {
    return `of type ${typeOf(key)}`;
  }
  const { name, length } = key.algorithm as { readonly name: string; readonly length?: number };
  if (name !== "AES-GCM" || length !== KEY_BYTES * 8) {
    return `a CryptoKey for ${name}${length === undefined ? "" : ` of ${length} bits`}`;
  }
  return (["encrypt", "decrypt"] as const).every((usage) => key.usages.includes(usage))
    ? undefined
    : `a CryptoKey that may only ${key.usages.join(" and ")}`;
}

/** Of a key without a problem. */
export async function importedKey(key: EncryptionKey): Promise<webcrypto.CryptoKey> {
  if (isCryptoKey(key)) {
    return key;
  }
  // Both alphabets are read. A copy: the application may overwrite its own.
  const bytes = typeof key === "string" ? Buffer.from(key, "base64") : Uint8Array.from(key);
  return crypto.subtle.importKey("raw", Uint8Array.from(bytes), "AES-GCM", false, ["encrypt", "decrypt"]);
}

/** Of this realm or another: test runners have several. */
function isCryptoKey(key: unknown): key is webcrypto.CryptoKey {
  return Object.prototype.toString.call(key) === "[object CryptoKey]";
}
