import { createHash } from "node:crypto";
import { TRPCError } from "@trpc/server";
import type { ProcedureCall } from "./procedure-call.ts";

/** A call's input, in a form to compare with a retry's and in one to hand on. */
export interface ComparableInput {
  readonly compared: unknown;
  /** What to give `next()` besides the context. */
  readonly handedOn: () => { readonly input?: unknown };
}

/**
 * The input of a call. A stream is read into memory, because all of it must be known before the handler may start.
 *
 * @throws TypeError for a stream when no `.input()` precedes the middleware.
 * @throws TRPCError `PAYLOAD_TOO_LARGE` for a stream of more than 16 MiB.
 */
export async function comparableInput(call: ProcedureCall<unknown, unknown>): Promise<ComparableInput> {
  const { input } = call;
  if (input instanceof ReadableStream) {
    const chunks = await chunksOf(call.path, input);
    const sha = createHash("sha256");
    for (const chunk of chunks) {
      sha.update(chunk);
    }
    return { compared: sha.digest("base64url"), handedOn: () => ({ input: new Blob(chunks).stream() }) };
  }
  // Before `.input()`, or without one, only the raw input can tell a retry from another request.
  const compared = input === undefined ? await call.getRawInput() : input;
  if (compared instanceof ReadableStream) {
    throw new TypeError(
      `onceonly: the input of ${call.path} is a stream; put the middleware after .input(octetInputParser).`,
    );
  }
  return { compared, handedOn: () => ({}) };
}

const STREAM_BYTES_MAX = 16 * 1_048_576;

async function chunksOf(path: string, stream: ReadableStream<unknown>): Promise<Uint8Array<ArrayBuffer>[]> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Uint8Array<ArrayBuffer>>) {
    bytes += chunk.byteLength;
    if (bytes > STREAM_BYTES_MAX) {
      throw new TRPCError({
        code: "PAYLOAD_TOO_LARGE",
        message: `${path} takes at most ${STREAM_BYTES_MAX} bytes with an idempotency key; upload first, and send a reference.`,
      });
    }
    chunks.push(chunk);
  }
  return chunks;
}
