/** Text as it is, other bytes in base64; `null` for no body at all. */
export type StoredBody = null | { readonly text: string } | { readonly base64: string };

export function storedBody(bytes: Uint8Array): StoredBody {
  try {
    return { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { base64: Buffer.from(bytes).toString("base64") };
  }
}

export function bytesOf(body: StoredBody): Uint8Array<ArrayBuffer> | null {
  if (body === null) {
    return null;
  }
  // Never the text itself: a message would be given a Content-Type that the original did not have.
  return "text" in body
    ? new TextEncoder().encode(body.text)
    : new Uint8Array(Buffer.from(body.base64, "base64"));
}
