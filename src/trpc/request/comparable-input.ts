import { createHash } from "node:crypto";
import { discardRest, readChunks, TooManyBytesError } from "../../core/adapter/body.ts";
import { IdempotencyError } from "../../core/contract/errors/errors.ts";
import type { InputRequest, ProcedureCall } from "./procedure-call.ts";

/** A call's input, in a form to compare with a retry's and in one to hand on. */
export interface ComparableInput {
  readonly compared: unknown;
  /** What `next()` gets besides the context. */
  readonly handedOn: () => HandedOn;
}

interface HandedOn {
  /** What the handler gets, if that is not what the parsers before the middleware gave. */
  readonly input?: unknown;
  /** What parsers after the middleware get, if that is not what the client sent. */
  readonly rawInput?: unknown;
}

type InputOption<TContext, TInput> = (call: InputRequest<TContext, TInput>) => unknown;

/**
 * What a retry must repeat: what option `input` says, else the input as the client sent it. What parsers make of it may
 * hold the time of day, ids of the server's own or instances of classes, none of which a retry can repeat.
 *
 * A stream is read into memory, because all of it must be known before the handler may start.
 *
 * @throws {@link IdempotencyError} `INPUT_INVALID` for a stream of more than `bytesMax`.
 */
export async function comparableInput<TContext, TInput>(
  call: ProcedureCall<TContext, TInput>,
  option: InputOption<TContext, TInput> | undefined,
  bytesMax: number,
): Promise<ComparableInput> {
  const rawInput = await call.getRawInput();
  if (option !== undefined) {
    const { ctx, input, path } = call;
    return { compared: await option({ ctx, input, rawInput, path }), handedOn: () => ({}) };
  }
  if (!(rawInput instanceof ReadableStream)) {
    return { compared: rawInput, handedOn: () => ({}) };
  }
  // A parser before the middleware may have read the stream, and given another one.
  const stream: unknown = rawInput.locked ? call.input : rawInput;
  if (!(stream instanceof ReadableStream)) {
    return { compared: call.input, handedOn: () => ({}) };
  }
  const chunks = await chunksOf(call.path, stream, bytesMax);
  const sha = createHash("sha256");
  for (const chunk of chunks) {
    sha.update(chunk);
  }
  const handedOn = (): HandedOn => {
    const copy = new Blob(chunks).stream();
    return call.input === stream ? { input: copy } : { rawInput: copy };
  };
  return { compared: sha.digest("base64url"), handedOn };
}

async function chunksOf(
  path: string,
  stream: ReadableStream<unknown>,
  bytesMax: number,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const reader = stream.getReader();
  try {
    return await readChunks(reader, bytesMax);
  } catch (error) {
    void discardRest(reader);
    if (error instanceof TooManyBytesError) {
      throw new IdempotencyError(
        "INPUT_INVALID",
        `${path} takes at most ${bytesMax} bytes with an idempotency key (option bodyBytesMax); upload first, and send a reference.`,
        { operation: path, reason: "too_large" },
      );
    }
    throw error;
  }
}
