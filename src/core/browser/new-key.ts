/**
 * A new idempotency key: a random UUID (version 4 of RFC 9562, 120 random bits). It contains no timestamp and nothing
 * about the device.
 *
 * `crypto.getRandomValues` is available on every page; `crypto.randomUUID` only on those served over HTTPS.
 */
export function createIdempotencyKey(): string {
  return "00000000-0000-4000-8000-000000000000".replace(/0/g, () =>
    (Number(crypto.getRandomValues(new Uint8Array(1))) % 16).toString(16),
  );
}
