import type { webcrypto } from "node:crypto";
import { checkOneOf, misuse } from "../browser/option-checks.ts";
import {
  type EncryptionOptions,
  SEALED,
  type Sealing,
  type TextPlace,
} from "../contract/options/encryption.ts";
import { checkOptionNames, type OptionNames } from "../contract/options/option-names.ts";
import { EncryptionError, KeyNotAtHandError } from "./encryption-error.ts";
import { KEY_REMEDY, problemOf } from "./imported-key.ts";
import { KEY_ID, Keys } from "./keys.ts";

const OPTIONS: OptionNames<Required<EncryptionOptions>> = {
  current: "required",
  keys: "required",
  plaintext: true,
};

/** Recommended for AES-GCM: NIST SP 800-38D, section 8.2. Random ones limit a key to 2^32 texts (section 8.3). */
const IV_BYTES = 12;
const PREFIX = `${SEALED}:`;
/** Stands before a text without encryption that is not to be read. */
const REFUSED = `${PREFIX}!:`;

/** Encrypts and decrypts texts that are stored: `aes-256-gcm:<id of the key>:<IV and ciphertext, base64url>`. */
export class Cipher implements Sealing {
  readonly #options: EncryptionOptions;
  readonly #keys: Keys;

  /** @throws TypeError for an option that cannot be used. */
  constructor(options: EncryptionOptions) {
    checkOptions(options);
    this.#options = options;
    this.#keys = new Keys(options.keys);
    if (typeof options.keys !== "function") {
      for (const [id, key] of Object.entries(options.keys)) {
        checkKey(`encryption.keys["${id}"]`, key);
      }
    }
  }

  /** Has the key that encrypts at hand. @throws EncryptionError */
  async ready(): Promise<void> {
    if (this.#options.current !== null) {
      await this.#writingKey(this.#options.current);
    }
  }

  /** @throws EncryptionError if there is no key. */
  async seal(text: string, place: TextPlace): Promise<string> {
    const { current } = this.#options;
    if (current === null) {
      return text;
    }
    const key = await this.#writingKey(current);
    const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
    const parameters = { name: "AES-GCM", iv, additionalData: bytesOf(placed(place)) };
    const sealed = new Uint8Array(await crypto.subtle.encrypt(parameters, key, bytesOf(text)));
    return `${PREFIX}${current}:${Buffer.concat([iv, sealed]).toString("base64url")}`;
  }

  /**
   * The text that was sealed. What cannot be opened stays as it is, and nobody can decode it then.
   *
   * @throws EncryptionError if the key cannot be had now.
   */
  open(text: string, place: TextPlace): Promise<string> {
    return this.#open(text, place, (id) => this.#keys.get(id));
  }

  /**
   * As {@link open}, for whoever must not wait, as in a transaction.
   *
   * @throws KeyNotAtHandError for a key that has to be asked for, unless it is among those that there are `none` of.
   */
  openAtHand(text: string, place: TextPlace, none: ReadonlySet<string>): Promise<string> {
    return this.#open(text, place, async (id) => {
      const key = this.#keys.atHand(id);
      if (key === undefined && !none.has(id)) {
        throw new KeyNotAtHandError(id);
      }
      return key;
    });
  }

  /** Asks for a key, so that it is at hand. Returns whether there is one. @throws EncryptionError */
  async fetch(id: string): Promise<boolean> {
    return (await this.#keys.get(id)) !== undefined;
  }

  async #open(
    text: string,
    place: TextPlace,
    keyOf: (id: string) => Promise<webcrypto.CryptoKey | undefined>,
  ): Promise<string> {
    const parts = partsOf(text);
    if (parts === undefined) {
      return this.#options.plaintext === "refuse" ? REFUSED + text : text;
    }
    const key = await keyOf(parts.keyId);
    if (key === undefined) {
      return text;
    }
    const iv = parts.bytes.subarray(0, IV_BYTES);
    const parameters = { name: "AES-GCM", iv, additionalData: bytesOf(placed(place)) };
    try {
      const opened = await crypto.subtle.decrypt(parameters, key, parts.bytes.subarray(IV_BYTES));
      return new TextDecoder("utf-8", { ignoreBOM: true }).decode(opened);
    } catch {
      return text;
    }
  }

  /** Whether a text is to be sealed anew: by another key, or for the first time. */
  isOutdated(text: string): boolean {
    return partsOf(text)?.keyId !== this.#options.current;
  }

  /** Whether it encrypts, and does not only decrypt. */
  get encrypts(): boolean {
    return this.#options.current !== null;
  }

  /** Whether a text is a sealed one, of whatever key. */
  isSealed(text: string): boolean {
    return partsOf(text) !== undefined;
  }

  async #writingKey(current: string): Promise<webcrypto.CryptoKey> {
    const key = await this.#keys.get(current);
    if (key === undefined) {
      throw new EncryptionError(
        "misconfigured",
        `Option encryption.keys has no key "${current}", which encryption.current names.`,
      );
    }
    return key;
  }
}

function checkOptions(options: EncryptionOptions): void {
  checkOptionNames(options, OPTIONS, "encryption.");
  const { current, keys, plaintext } = options;
  if (current !== null && (typeof current !== "string" || !KEY_ID.test(current))) {
    throw misuse(
      "encryption.current",
      current,
      'the id of a key, of 1 to 64 letters, digits, ".", "_" and "-"; or null, to read alone',
    );
  }
  const isObject = typeof keys === "object" && keys !== null;
  if (!isObject && typeof keys !== "function") {
    throw misuse("encryption.keys", keys, "an object of keys by their ids, or a function that returns one");
  }
  if (isObject && current !== null && !Object.hasOwn(keys, current)) {
    throw new TypeError(
      `onceonly: option encryption.keys has no key ${JSON.stringify(current)}, which encryption.current names; it has ` +
        `${Object.keys(keys).join(", ") || "none"}.`,
    );
  }
  checkOneOf("encryption.plaintext", plaintext, ["read", "refuse"]);
}

function checkKey(option: string, key: unknown): void {
  const problem = problemOf(key);
  if (problem !== undefined) {
    // Never the key itself.
    throw new TypeError(`onceonly: option ${option} is ${problem}; ${KEY_REMEDY}.`);
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
