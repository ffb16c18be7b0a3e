/** Why a text can be neither encrypted nor decrypted: for now, or because the set-up is wrong. */
export class EncryptionError extends Error {
  override readonly name = "EncryptionError";
  readonly fault: "unavailable" | "misconfigured";

  constructor(fault: EncryptionError["fault"], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.fault = fault;
  }
}

/** A text was stored by a key that has to be asked for, which takes its time. */
export class KeyNotAtHandError extends Error {
  readonly keyId: string;

  constructor(keyId: string) {
    super(`The key "${keyId}" has to be asked for`);
    this.keyId = keyId;
  }
}
