/** Asks the console as a browser does, with its cookies, and follows no redirect by itself. */

import type { Authorize } from "../../src/console/index.ts";
import { type ConsoleHandler, createConsole } from "../../src/console/index.ts";
import type { Shop } from "./records.ts";

export const ORIGIN = "https://shop.example";

/** A console below "/onceonly" for who `authorize` lets in. */
export const consoleOf = (idempotency: Shop, authorize: Authorize): Visitor =>
  new Visitor(createConsole({ idempotency, authorize }));

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly html: string;
}

export class Visitor {
  readonly #handler: ConsoleHandler;
  readonly #origin: string;
  cookie: string | undefined;

  constructor(handler: ConsoleHandler, origin = ORIGIN) {
    this.#handler = handler;
    this.#origin = origin;
  }

  async send(path: string, init: RequestInit = {}): Promise<Answered> {
    const headers = new Headers(init.headers);
    if (this.cookie !== undefined) headers.set("cookie", this.cookie);
    const request = new Request(new URL(path, this.#origin), { ...init, headers });
    const response = await this.#handler(request);
    const set = response.headers.get("set-cookie");
    if (set !== null) this.cookie = set.split(";")[0];
    return { status: response.status, headers: response.headers, html: await response.text() };
  }

  get(path: string): Promise<Answered> {
    return this.send(`/onceonly${path}`);
  }

  /** Sends a form as a page of the console does, unless `headers` say otherwise. */
  post(path: string, form: Readonly<Record<string, string>>, headers: Record<string, string> = {}) {
    return this.send(`/onceonly${path}`, {
      method: "POST",
      headers: { "sec-fetch-site": "same-origin", origin: this.#origin, ...headers },
      body: new URLSearchParams(form),
    });
  }

  /** Opens the form that forgets a record and reads its fields. */
  async forgetForm(id: string): Promise<Record<string, string>> {
    const { html } = await this.get(`/records/${id}/forget`);
    return Object.fromEntries(
      Array.from(html.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)"/g), ([, name, value]) => [
        name,
        value,
      ]),
    ) as Record<string, string>;
  }
}

/** The text of a page as it is read, without its tags. */
export function textOf(html: string): string {
  const body = html.slice(html.indexOf("<body>"));
  return body
    .replaceAll(/<(?:\/?bdi|span class="escape"|\/span)>/g, "")
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&")
    .replaceAll(/\s+/g, " ");
}

/** The ids of the records that a page links to, in its order. */
export const idsIn = (html: string): string[] =>
  Array.from(html.matchAll(/href="\/onceonly\/records\/([\w-]{43})"/g), ([, id = ""]) => id);
