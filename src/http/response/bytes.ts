import { readChunks } from "../../core/adapter/body.ts";

/**
 * Reads the stream of a response to its end, and cancels it otherwise.
 *
 * @throws TooManyBytesError as soon as there are more than `bytesMax` bytes.
 * @throws TypeError for a chunk that is not bytes.
 * @throws what the stream itself fails with, or the reason of `signal` when that is aborted first.
 */
export async function readBytes(
  stream: ReadableStream<unknown>,
  bytesMax: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const reader = stream.getReader();
  const stop = (reason: unknown): void => {
    // Not awaited: the cancellation of a cloned body ends only when both clones are cancelled.
    void reader.cancel(reason).catch(() => undefined);
  };
  const abort = (): void => stop(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    // A signal that is already aborted tells no listener.
    signal.throwIfAborted();
    const bytes = Buffer.concat(await readChunks(reader, bytesMax));
    // A cancelled stream looks like one that has ended.
    signal.throwIfAborted();
    return bytes;
  } catch (error) {
    stop(error);
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
