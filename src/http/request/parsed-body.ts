/** A body that the framework has read and parsed before us. */
export class ParsedBody {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }

  /** What the handler can read again; `undefined` for a form, which the framework hands out itself. A replay asks for none. */
  get bytes(): Uint8Array | undefined {
    return bytesOf(this.value);
  }
}

function bytesOf(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) {
    return value;
  }
  if (value instanceof FormData) {
    return undefined;
  }
  return new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
}

/** The part of a framework's request that holds what was parsed. */
interface FrameworkRequest {
  /** Of Hono: keeps what a validator has read, and gives it again. */
  readonly bodyCache?: object;
  readonly json?: () => Promise<unknown>;
  readonly formData?: () => Promise<FormData>;
  readonly arrayBuffer?: () => Promise<ArrayBuffer>;
  /** Of Express and Fastify. */
  readonly body?: unknown;
}

/**
 * The body as the framework has parsed it, if `arg`, the second argument of the handler, tells: Hono's context, or an object
 * with the request of Express or Fastify as `req`.
 */
export async function parsedBodyIn(arg: unknown, contentType: string): Promise<ParsedBody | undefined> {
  const { req } = (arg ?? {}) as { readonly req?: FrameworkRequest };
  if (req?.bodyCache !== undefined && Object.keys(req.bodyCache).length > 0) {
    return new ParsedBody(await readFromHono(req, contentType));
  }
  const body = req?.body;
  return body === undefined || body === null || body instanceof ReadableStream
    ? undefined
    : new ParsedBody(body);
}

async function readFromHono(req: FrameworkRequest, contentType: string): Promise<unknown> {
  if (/json/i.test(contentType)) {
    return req.json?.();
  }
  return /form/i.test(contentType) ? req.formData?.() : new Uint8Array((await req.arrayBuffer?.()) ?? []);
}
