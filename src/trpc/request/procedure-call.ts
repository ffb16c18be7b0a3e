import type { TRPCError, TRPCMiddlewareFunction } from "@trpc/server";

type Middleware<TAdded> = TRPCMiddlewareFunction<object, unknown, object, TAdded, unknown>;

/**
 * The argument that tRPC passes to a middleware. `TRPCMiddlewareFunction` computes the type of `ctx` from two others,
 * which TypeScript cannot reverse. As a type parameter it is inferred, even for options written inside `.use()`.
 */
export interface ProcedureCall<TContext, TInput>
  extends Omit<Parameters<Middleware<object>>[0], "ctx" | "input"> {
  readonly ctx: TContext;
  readonly input: TInput;
}

/** The argument of options that are functions. */
export interface MutationCall<TContext, TInput> {
  readonly ctx: TContext;
  /** As the parsers before the middleware gave it. */
  readonly input: TInput;
  /** The procedure's path, for example `orders.place`. */
  readonly path: string;
}

/** The argument of option `input`. */
export interface InputRequest<TContext, TInput> extends MutationCall<TContext, TInput> {
  /** As the client sent it: after the transformer, before any parser. */
  readonly rawInput: unknown;
}

/**
 * A context, or the type that tRPC computes for it, in which an optional property becomes one that may be `undefined`.
 */
export type ContextIn<TContext> =
  | TContext
  | Parameters<TRPCMiddlewareFunction<TContext, unknown, object, object, unknown>>[0]["ctx"];

/** What a middleware returns; `TAdded` is what it added to the context. */
export type ProcedureResult<TAdded> = Awaited<ReturnType<Middleware<TAdded>>>;

/** tRPC's `next()` never throws, but only a throw rolls back. */
export function dataOf(result: ProcedureResult<unknown>): unknown {
  if (!result.ok) {
    throw result.error;
  }
  return result.data;
}

const marker = "middlewareMarker" as ProcedureResult<unknown>["marker"];

export function success<TAdded>(data: unknown): ProcedureResult<TAdded> {
  return { ok: true, data, marker };
}

export function failure<TAdded>(error: TRPCError): ProcedureResult<TAdded> {
  return { ok: false, error, marker };
}
