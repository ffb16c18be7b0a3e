import type { webcrypto } from "node:crypto";
import type { EncryptionKey, EncryptionOptions } from "../contract/options/encryption.ts";
import { withinLimit } from "../contract/within-limit.ts";
import { EncryptionError } from "./encryption-error.ts";
import { importedKey, KEY_REMEDY, problemOf } from "./imported-key.ts";

export const KEY_ID: RegExp = /^[\w.-]{1,64}$/;

/** How long a function is waited for, in milliseconds. It is asked again by the next who needs the key. */
const ANSWER_MS = 3_000;

/** The keys that the application gave, or hands out. Each is asked for once, and kept. */
export class Keys {
  readonly #given: EncryptionOptions["keys"];
  readonly #known: Map<string, webcrypto.CryptoKey> = new Map();
  readonly #asked: Map<string, Promise<webcrypto.CryptoKey | undefined>> = new Map();

  constructor(given: EncryptionOptions["keys"]) {
    this.#given = given;
  }

  /** Without asking anybody. */
  atHand(id: string): webcrypto.CryptoKey | undefined {
    return this.#known.get(id);
  }

  /**
   * `undefined`: there is none.
   *
   * @throws EncryptionError
   */
  async get(id: string): Promise<webcrypto.CryptoKey | undefined> {
    const known = this.#known.get(id);
    // The id may be that of a row which somebody has written to.
    if (known !== undefined || !KEY_ID.test(id)) {
      return known;
    }
    const asked = this.#asked.get(id) ?? this.#ask(id);
    this.#asked.set(id, asked);
    try {
      const key = await asked;
      if (key !== undefined) {
        this.#known.set(id, key);
      }
      return key;
    } finally {
      this.#asked.delete(id);
    }
  }

  async #ask(id: string): Promise<webcrypto.CryptoKey | undefined> {
    const given = this.#given;
    if (typeof given !== "function") {
      return Object.hasOwn(given, id) ? importedKey(given[id] as EncryptionKey) : undefined;
    }
    let key: EncryptionKey | undefined;
    try {
      key = await withinLimit((async () => given(id))(), ANSWER_MS);
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
        `The function encryption.keys returned what is ${problem} for the key "${id}"; ${KEY_REMEDY}.`,
      );
    }
    return importedKey(key);
  }
}
