import { createHash } from "node:crypto";
import type { ProcedureCall } from "./procedure-call.ts";

/** A call's input, in a form to compare with a retry's and in one to hand on. */
export interface ComparableInput {
  readonly compared: unknown;
  /** What to give `next()` besides the context. */
  readonly handedOn: () => { readonly input?: unknown };
}

/**
 * The input of a call. A stream is read into memory, as it must be known whole before the handler may start.
 *
 * @throws TypeError for a stream where no `.input()` stands before the middleware.
 */
export async function comparableInput(call: ProcedureCall<unknown, unknown>): Promise<ComparableInput> {
  const { input } = call;
  if (input instanceof ReadableStream) {
    const bytes = await new Response(input).arrayBuffer();
    const compared = createHash("sha256").update(new Uint8Array(bytes)).digest("base64url");
    return { compared, handedOn: () => ({ input: new Blob([bytes]).stream() }) };
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
