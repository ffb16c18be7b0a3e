import { createHash } from "node:crypto";
import { canonical } from "./canonical.ts";

/**
 * SHA-256 (base64url) of the canonical form of an input. The same key with another fingerprint is an error, never
 * a replay.
 */
export async function fingerprintOf(input: unknown): Promise<string> {
  return createHash("sha256")
    .update(await canonical(input), "utf16le")
    .digest("base64url");
}
