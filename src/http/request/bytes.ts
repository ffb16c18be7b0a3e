/** Thrown for a body that is longer than it may be. */
export class TooManyBytesError extends Error {
  override readonly name = "TooManyBytesError";
}

/**
 * Reads a stream to its end.
 *
 * @throws TooManyBytesError as soon as there are more than `bytesMax` bytes.
 * @throws TypeError for a chunk that is not bytes.
 * @throws what the stream itself fails with, or the reason of `signal` when that is aborted first.
 */
export async function readBytes(
  stream: ReadableStream<unknown>,
  bytesMax: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const reader = stream.getReader();
  const stop = (reason: unknown): void => {
    // Not awaited: the cancellation of a cloned body ends only when both clones are cancelled.
    void reader.cancel(reason).catch(() => undefined);
  };
  const abort = (): void => stop(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    // A signal that is already aborted tells no listener.
    signal?.throwIfAborted();
    const bytes = await readAll(reader, bytesMax);
    // A cancelled stream looks like one that has ended.
    signal?.throwIfAborted();
    return bytes;
  } catch (error) {
    stop(error);
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

async function readAll(reader: ReadableStreamDefaultReader<unknown>, bytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let length = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) {
      return Buffer.concat(chunks);
    }
    if (!(value instanceof Uint8Array)) {
      throw new TypeError(`A body gave a chunk of type ${typeof value}; give bytes (Uint8Array).`);
    }
    length += value.byteLength;
    if (length > bytesMax) {
      throw new TooManyBytesError(`More than ${bytesMax} bytes`);
    }
    chunks.push(value);
  }
}
