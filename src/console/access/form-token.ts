import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/*
 * What a form that changes something carries, beside where it was sent from: a text that depends on a secret of this browser, kept in
 * a cookie, and on what the form is about. A form for one record, made before it changed, does nothing to another.
 */

const SECRET = /^[\w-]{43}$/;

/** The cookie with the secret of a browser. Over HTTPS no other host of the domain can set it. */
export class FormSecret {
  readonly #name: string;
  readonly #attributes: string;
  readonly #given: string | undefined;
  readonly #secret: string;

  constructor(request: Request, url: URL, base: string) {
    const isSecure = url.protocol === "https:";
    this.#name = isSecure ? "__Host-onceonly-form" : "onceonly-form";
    this.#attributes = `HttpOnly; SameSite=Strict; Path=${isSecure ? "/; Secure" : base || "/"}`;
    const given = cookieOf(request, this.#name);
    this.#given = given !== undefined && SECRET.test(given) ? given : undefined;
    this.#secret = this.#given ?? randomBytes(32).toString("base64url");
  }

  /** The header that makes the browser keep it, if it does not already. */
  get setCookie(): string | undefined {
    return this.#given === undefined ? `${this.#name}=${this.#secret}; ${this.#attributes}` : undefined;
  }

  sign(...about: readonly string[]): string {
    return createHmac("sha256", this.#secret).update(JSON.stringify(about)).digest("base64url");
  }

  /** Whether this browser was given that token about the same. One without the cookie has a new secret, which nothing was signed with. */
  isSigned(token: string | null, ...about: readonly string[]): boolean {
    const expected = Buffer.from(this.sign(...about));
    const actual = Buffer.from(token ?? "");
    return actual.length === expected.length && timingSafeEqual(actual, expected);
  }
}

/** The value of a cookie as it was sent. */
function cookieOf(request: Request, name: string): string | undefined {
  const pairs = (request.headers.get("cookie") ?? "").split(/; */);
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

/**
 * Whether a form was sent by a page of this origin. Browsers say so, over HTTPS and on localhost; else there is the origin itself.
 */
export function isFromSameOrigin({ headers }: Request, url: URL): boolean {
  const site = headers.get("sec-fetch-site");
  if (site !== null) {
    return site === "same-origin";
  }
  const origin = headers.get("origin");
  return (
    origin !== null && URL.canParse(origin) && [url.host, headers.get("host")].includes(new URL(origin).host)
  );
}
