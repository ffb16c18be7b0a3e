import type { webcrypto } from "node:crypto";
import { checkOneOf, misuse } from "../browser/option-checks.ts";
import {
  type EncryptionKey,
  type EncryptionOptions,
  SEALED,
  type Sealing,
  type TextPlace,
} from "../contract/encryption.ts";
import { checkOptionNames, type OptionNames } from "../contract/option-names.ts";
import { EncryptionError } from "./encryption-error.ts";
import { importedKey, problemOf } from "./imported-key.ts";

const OPTIONS: OptionNames<Required<EncryptionOptions>> = {
  current: "required",
  keys: "required",
  plaintext: true,
};

/** Recommended for AES-GCM: NIST SP 800-38D, section 8.2. Random ones limit a key to 2^32 texts (section 8.3). */
const IV_BYTES = 12;
const KEY_ID = /^[\w.-]{1,64}$/;
const PREFIX = `${SEALED}:`;
/** Stands before a text without encryption that is not to be read. */
const REFUSED = `${PREFIX}:`;

/** Encrypts and decrypts texts that are stored: `aes-256-gcm:<id of the key>:<IV and ciphertext, base64url>`. */
export class Cipher implements Sealing {
  readonly #options: EncryptionOptions;
  readonly #keys: Map<string, Promise<webcrypto.CryptoKey | undefined>> = new Map();

  /** @throws TypeError for an option that cannot be used. */
  constructor(options: EncryptionOptions) {
    checkOptions(options);
    this.#options = options;
    if (typeof options.keys !== "function") {
      for (const [id, key] of Object.entries(options.keys)) {
        checkKey(`encryption.keys["${id}"]`, key);
      }
    }
  }

  /** Has the key that encrypts at hand. @throws EncryptionError */
  async ready(): Promise<void> {
    await this.#writingKey();
  }

  /** @throws EncryptionError if there is no key. */
  async seal(text: string, place: TextPlace): Promise<string> {
    const key = await this.#writingKey();
    const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
    const parameters = { name: "AES-GCM", iv, additionalData: bytesOf(placed(place)) };
    const sealed = new Uint8Array(await crypto.subtle.encrypt(parameters, key, bytesOf(text)));
    return `${PREFIX}${this.#options.current}:${Buffer.concat([iv, sealed]).toString("base64url")}`;
  }

  /**
   * The text that was sealed. What cannot be opened stays as it is, and nobody can decode it then.
   *
   * @throws EncryptionError if the key cannot be had now.
   */
  async open(text: string, place: TextPlace): Promise<string> {
    const parts = partsOf(text);
    if (parts === undefined) {
      return this.#options.plaintext === "refuse" ? REFUSED + text : text;
    }
    const key = await this.#key(parts.keyId);
    if (key === undefined || parts.bytes.length <= IV_BYTES) {
      return text;
    }
    const iv = parts.bytes.subarray(0, IV_BYTES);
    const parameters = { name: "AES-GCM", iv, additionalData: bytesOf(placed(place)) };
    try {
      const opened = await crypto.subtle.decrypt(parameters, key, parts.bytes.subarray(IV_BYTES));
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(opened);
    } catch {
      return text;
    }
  }

  /** Whether a text is to be sealed anew: by another key, or for the first time. */
  isOutdated(text: string): boolean {
    return partsOf(text)?.keyId !== this.#options.current;
  }

  /** Whether a text is a sealed one, of whatever key. */
  isSealed(text: string): boolean {
    return partsOf(text) !== undefined;
  }

  async #writingKey(): Promise<webcrypto.CryptoKey> {
    const { current } = this.#options;
    const key = await this.#key(current);
    if (key === undefined) {
      throw new EncryptionError(
        "misconfigured",
        `Option encryption.keys has no key "${current}", which encryption.current names.`,
      );
    }
    return key;
  }

  async #key(id: string): Promise<webcrypto.CryptoKey | undefined> {
    const known = this.#keys.get(id);
    if (known !== undefined) {
      return known;
    }
    const loading = this.#load(id);
    this.#keys.set(id, loading);
    try {
      const key = await loading;
      if (key === undefined) {
        // It may have come by the next time.
        this.#keys.delete(id);
      }
      return key;
    } catch (error) {
      this.#keys.delete(id);
      throw error;
    }
  }

  async #load(id: string): Promise<webcrypto.CryptoKey | undefined> {
    const { keys } = this.#options;
    if (typeof keys !== "function") {
      return Object.hasOwn(keys, id) ? importedKey(keys[id] as EncryptionKey) : undefined;
    }
    let key: EncryptionKey | undefined;
    try {
      key = await keys(id);
    } catch (cause) {
      throw new EncryptionError(
        "unavailable",
        `The function encryption.keys failed for the key "${id}".`,
        cause,
      );
    }
    if (key === undefined) {
      return undefined;
    }
    const problem = problemOf(key);
    if (problem !== undefined) {
      throw new EncryptionError(
        "misconfigured",
        `The function encryption.keys returned ${problem} for the key "${id}"; ${REMEDY}.`,
      );
    }
    return importedKey(key);
  }
}

function checkOptions(options: EncryptionOptions): void {
  checkOptionNames(options, OPTIONS, "encryption.");
  const { current, keys, plaintext } = options;
  if (typeof current !== "string" || !KEY_ID.test(current)) {
    throw misuse(
      "encryption.current",
      current,
      'the id of a key, of 1 to 64 letters, digits, ".", "_" and "-"',
    );
  }
  const isObject = typeof keys === "object" && keys !== null;
  if (!isObject && typeof keys !== "function") {
    throw misuse("encryption.keys", keys, "an object of keys by their ids, or a function that returns one");
  }
  if (isObject && !Object.hasOwn(keys, current)) {
    throw new TypeError(
      `onceonly: option encryption.keys has no key ${JSON.stringify(current)}, which encryption.current names; it has ` +
        `${Object.keys(keys).join(", ") || "none"}.`,
    );
  }
  checkOneOf("encryption.plaintext", plaintext, ["read", "refuse"]);
}

const REMEDY =
  "give 32 bytes as a Uint8Array, in base64, or as a CryptoKey for AES-GCM that may encrypt and decrypt";

function checkKey(option: string, key: unknown): void {
  const problem = problemOf(key);
  if (problem !== undefined) {
    // Never the key itself.
    throw new TypeError(`onceonly: option ${option} is ${problem}; ${REMEDY}.`);
  }
}

/** The parts of a sealed text; `undefined` for another one. */
function partsOf(
  text: string,
): { readonly keyId: string; readonly bytes: Uint8Array<ArrayBuffer> } | undefined {
  if (!text.startsWith(PREFIX)) {
    return undefined;
  }
  const colon = text.indexOf(":", PREFIX.length);
  return {
    keyId: text.slice(PREFIX.length, colon),
    bytes: Uint8Array.from(Buffer.from(text.slice(colon + 1), "base64url")),
  };
}

/** Parts that cannot run into each other. */
function placed({ id, column, name = "" }: TextPlace): string {
  return JSON.stringify(["onceonly", 1, id, column, name]);
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
