/** A store that encrypts keeps what each store must. */
import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { Cipher } from "../../src/core/encryption/cipher.ts";
import { encryptedStore } from "../../src/core/encryption/encrypted-store.ts";
import { casesOn } from "../store/conformance-cases.ts";
import { databases } from "../support/database.ts";

const cipher = new Cipher({ current: "a", keys: { a: randomBytes(32) } });

describe.each(databases)("an encrypted store on $name", (database) => {
  const all = casesOn(database, (store) => encryptedStore(store, cipher));
  // Whoever rewrites texts has the encrypted ones: reencrypt.test.ts.
  const cases = all.filter(({ name }) => !name.startsWith("a text is rewritten"));

  it.each(cases.map(({ name, run }) => [name, run] as const))("%s", async (_, run) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
