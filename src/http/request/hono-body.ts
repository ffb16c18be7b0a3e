import { RefusedRequestError } from "../problems/problem.ts";

/** A body as bytes, and the type to read them by where that is another than the request's. */
export interface BodyBytes {
  readonly bytes: Uint8Array;
  readonly type?: string;
}

/** The part of Hono's context that holds what was read: `c.req` keeps that, and makes all else of it that is asked for. */
interface HonoContext {
  readonly req?: { readonly bodyCache?: BodyCache };
}

type BodyCache = { readonly [name in (typeof BY_FAITH)[number] | "formData"]?: unknown };

/** The nearest to what was sent comes first. Earlier versions kept parsed JSON. */
const BY_FAITH = ["arrayBuffer", "blob", "text", "json"] as const;

type Cached = ArrayBuffer | Blob | string;

/**
 * The body that a validator or a middleware of Hono has read, if `arg`, the second argument of the handler, is Hono's context.
 *
 * @throws {@link RefusedRequestError} `BODY_INVALID` for a body that could not be read, by Hono itself neither.
 */
export async function bodyReadByHono(arg: unknown, contentType: string): Promise<BodyBytes | undefined> {
  const cache = ((arg ?? {}) as HonoContext).req?.bodyCache;
  if (cache === undefined) {
    return undefined;
  }
  try {
    return await cachedIn(cache, contentType);
  } catch (error) {
    const message = "The request's body could not be read, or is not what its Content-Type says.";
    throw new RefusedRequestError("BODY_INVALID", message, error);
  }
}

async function cachedIn(cache: BodyCache, contentType: string): Promise<BodyBytes | undefined> {
  const name = BY_FAITH.find((candidate) => cache[candidate] !== undefined);
  if (name !== undefined) {
    const body = await cache[name];
    return { bytes: await bytesOf(name === "json" ? JSON.stringify(body) : (body as Cached)) };
  }
  const form = await cache.formData;
  return form instanceof FormData ? written(form, contentType) : undefined;
}

async function bytesOf(body: Cached): Promise<Uint8Array> {
  return new Uint8Array(await new Response(body).arrayBuffer());
}

async function written(form: FormData, contentType: string): Promise<BodyBytes> {
  if (/urlencoded/i.test(contentType)) {
    const fields = [...form].map(([name, value]): [string, string] => [
      name,
      typeof value === "string" ? value : value.name,
    ]);
    return { bytes: await bytesOf(new URLSearchParams(fields).toString()) };
  }
  const message = new Response(form);
  // Another boundary between its parts.
  const type = message.headers.get("content-type") ?? "";
  return { bytes: new Uint8Array(await message.arrayBuffer()), type };
}
