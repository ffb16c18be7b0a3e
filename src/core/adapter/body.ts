// The global ones give numbers in Workers of before 2026-02-10, and those have no `unref`.
import { clearTimeout, setTimeout } from "node:timers";
import { setImmediate as turn } from "node:timers/promises";

/** Thrown for a body that is longer than it may be. */
export class TooManyBytesError extends Error {
  override readonly name = "TooManyBytesError";
}

/**
 * Reads a body to its end, or until there is too much of it. The caller decides what becomes of the rest.
 *
 * @throws TooManyBytesError as soon as there are more than `bytesMax` bytes.
 * @throws TypeError for a chunk that is not bytes.
 * @throws what the stream itself fails with.
 */
export async function readChunks(
  reader: ReadableStreamDefaultReader<unknown>,
  bytesMax: number,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for (let length = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) {
      return chunks;
    }
    if (!(value instanceof Uint8Array)) {
      throw new TypeError(`A body gave a chunk of type ${typeof value}; give bytes (Uint8Array).`);
    }
    length += value.byteLength;
    if (length > bytesMax) {
      throw new TooManyBytesError(`More than ${bytesMax} bytes`);
    }
    chunks.push(value as Uint8Array<ArrayBuffer>);
  }
}

/** How long a client may go on sending a body that was refused. */
const DISCARD_MS = 5_000;

/**
 * Reads the rest of a refused request's body and keeps nothing of it. To cancel the stream would close the connection: a client
 * that is still sending then sees a reset instead of the answer, and sends everything again.
 */
export async function discardRest(reader: ReadableStreamDefaultReader<unknown>): Promise<void> {
  const cancel = () => void reader.cancel().catch(() => undefined);
  const timer = setTimeout(cancel, DISCARD_MS);
  timer.unref();
  try {
    while (!(await reader.read()).done) {
      // A stream that always has more must not keep the process from answering.
      await turn();
    }
  } catch {
    // The client has gone.
  } finally {
    clearTimeout(timer);
  }
}
