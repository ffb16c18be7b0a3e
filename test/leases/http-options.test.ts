import { describe, expect, it } from "vitest";
import { httpCompleter, withIdempotency } from "../../src/http/index.ts";
import { requestOf } from "../http/support.ts";
import { withoutDatabase } from "../support/without-database.ts";

const idempotency = withoutDatabase({ storeInput: true });

describe("what is misused", () => {
  const leased = (options: object = {}, over: unknown = idempotency) =>
    withIdempotency(
      { idempotency: over, mode: "lease", operation: "POST /x", scope: "global", ...options } as never,
      () => new Response(),
    ) as never;

  it.each<[string, object]>([
    ['mode is of type string ("leased"); give "transaction" or "lease"', { mode: "leased" }],
    [
      'operation is of type undefined; give a name such as "POST /payments", as a completer must find the handler of mode "lease" without a request',
      { operation: undefined },
    ],
    ["operation is of type function; give a name", { operation: () => "x" }],
    ['requestHeaders is of type string ("x-user"); give a list', { requestHeaders: "x-user" }],
    [
      'requestHeaders is of type string ("Authorization"); give names of headers other than authorization, cookie, proxy-authorization, set-cookie, and of keys, tokens and passwords such as x-api-key and x-auth-token, as they are stored in the clear; who asks is for the handler\'s third argument',
      { requestHeaders: ["x-user", "Authorization"] },
    ],
    ...["Set-Cookie", "X-Api-Key", "apikey", "x-auth-token", "x-amz-security-token", "x-client-secret"].map(
      (name): [string, object] => [
        `requestHeaders is of type string ("${name}"); give names of headers other than`,
        { requestHeaders: [name] },
      ],
    ),
    [
      "requestHeaders is of type array; give none but with mode",
      { mode: undefined, requestHeaders: ["x-user"] },
    ],
  ])("%s", (message, options) => {
    expect(() => leased(options)).toThrow(`onceonly: option ${message}`);
  });

  it.each<[string, object | undefined]>([
    ["(the first argument) is of type undefined; give an object", undefined],
    ["idempotency is of type undefined; give what createIdempotency({", { idempotency: undefined }],
    ["handlers is of type undefined; give a list of what withIdempotency returned", { handlers: undefined }],
    ["handlers is of type array; give a list", { handlers: [] }],
    [
      'handlers[1] is of type function; give what withIdempotency({ mode: "lease", ... }) returned, not what an adapter has made of it',
      { handlers: [leased(), () => leased()] },
    ],
    ['createArg is of type string ("ada"); give a function such as', { createArg: "ada" }],
    [
      "idempotency is another one than the handler of POST /x was given; give both the same",
      { handlers: [leased({}, withoutDatabase({ storeInput: true }))] },
    ],
    ["pollMs is of type number (0); give", { pollMs: 0 }],
  ])("httpCompleter: %s", (message, options) => {
    const good = { idempotency, handlers: [leased()] };
    const given = options && { ...good, ...options };
    expect(() => httpCompleter(given as never)).toThrow(`onceonly: option ${message}`);
  });

  it("no header that only looks a little like a secret", () => {
    const requestHeaders = ["x-page-token", "x-key-id", "x-secretary", "x-request-id", "authority"];
    expect(() => leased({ requestHeaders })).not.toThrow();
  });

  it("two handlers of one operation, and an option that does not exist", () => {
    expect(() => httpCompleter({ idempotency, handlers: [leased(), leased()] })).toThrow(
      "option handlers has two for the operation POST /x; give each an option operation of its own.",
    );
    expect(() => httpCompleter({ idempotency, handlers: [leased()], poll: 5 } as never)).toThrow(
      "onceonly: there is no option poll; did you mean pollMs?",
    );
  });

  it("a step under a method that passes untouched", async () => {
    const handle = withIdempotency(
      { idempotency, mode: "lease", operation: "x", scope: "global" },
      async (_, { step }) => Response.json(await step("charge", () => 1)),
    );
    await expect(handle(requestOf({ method: "PUT" }))).rejects.toThrow(
      "onceonly: PUT passes withIdempotency untouched, without steps; name it in option methods",
    );
  });
});
