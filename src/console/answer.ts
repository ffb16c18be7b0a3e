import { stylesHash } from "./pages/layout.tsx";

/** What every answer of the console says to browsers, and to caches between. */
const HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  // With "no-referrer", browsers would not say either which origin has sent a form.
  "referrer-policy": "same-origin",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "x-robots-tag": "noindex",
};

/** No script, no image and nothing of another origin: only the style sheet that stands in the page. */
const POLICY = "form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/** An answer that is made. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly html: string;
}

/** A page as a response. */
export function pageAnswer({ status, headers = {}, html }: Answer): Response {
  return new Response(html, {
    status,
    headers: {
      ...HEADERS,
      "content-security-policy": `default-src 'none'; style-src 'sha256-${stylesHash()}'; ${POLICY}`,
      "content-type": "text/html; charset=utf-8",
      ...headers,
    },
  });
}

/** An answer to those who are not let in, which says nothing of what is there. */
export function plainAnswer(status: number, text: string): Response {
  return new Response(`${text}\n`, {
    status,
    headers: {
      ...HEADERS,
      "content-security-policy": `default-src 'none'; ${POLICY}`,
      "content-type": "text/plain; charset=utf-8",
    },
  });
}

/** Leads to another page of the console, by GET. */
export function seeOther(location: string): Response {
  const { headers } = plainAnswer(303, "");
  headers.set("location", location);
  return new Response(null, { status: 303, headers });
}

/** An answer to HEAD: all but the body. */
export function withoutBody({ status, headers }: Response): Response {
  return new Response(null, { status, headers });
}
