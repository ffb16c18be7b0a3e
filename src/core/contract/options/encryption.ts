import type { webcrypto } from "node:crypto";

/** How what records hold is encrypted: results, errors that are answers, results of steps, and stored inputs. */
export interface EncryptionOptions {
  /**
   * The id of the key that encrypts from now on. Letters, digits, `.`, `_` and `-`, at most 64. It is stored with each text. `null`: what
   * is encrypted is read, and nothing is encrypted, as the first step of turning encryption on in several processes.
   */
  readonly current: string | null;
  /**
   * The keys by their ids; or a function that hands one out, such as a key service. It is called once for each id in the life of the
   * process, and again after it failed, or gave no answer within 3 seconds. `undefined` means that there is no such key.
   */
  readonly keys:
    | Readonly<Record<string, EncryptionKey>>
    | ((id: string) => EncryptionKey | undefined | Promise<EncryptionKey | undefined>);
  /**
   * What becomes of records that were stored without encryption: `"read"` answers from them, `"refuse"` with `RESULT_UNREADABLE`.
   * Default `"read"`, so that encryption can be turned on while traffic goes on. Refuse them once the retention of the last one is over:
   * then nobody who can only write to the table can forge an answer.
   */
  readonly plaintext?: "read" | "refuse";
}

/** 32 bytes: as they are, or in base64 or base64url; or a `CryptoKey` for AES-GCM that may encrypt and decrypt. */
export type EncryptionKey = Uint8Array | string | webcrypto.CryptoKey;

/** What stands before an encrypted text, where the name of a codec stands before others. */
export const SEALED = "aes-256-gcm";

/** Where a text stands. One that was moved to another place cannot be opened there. */
export interface TextPlace {
  /** Of the record. */
  readonly id: string;
  readonly column: "response" | "input" | "step" | "cache";
  /** Of the step; of an answer, the status of the record. */
  readonly name?: string;
}

/** Makes texts unreadable, and readable again. */
export interface Sealing {
  seal(text: string, place: TextPlace): Promise<string>;
  /** What cannot be opened stays as it is. */
  open(text: string, place: TextPlace): Promise<string>;
}

/** Of what a record answers. A result cannot be passed off as an error, nor an error as a result. */
export function answerPlace(id: string, status: string): TextPlace {
  return { id, column: "response", name: status };
}
