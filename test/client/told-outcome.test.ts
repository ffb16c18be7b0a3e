/** What clients believe of an answer: whether it is over, kept, and everybody's. In each shape in which a library shows it. */
import { describe, expect, test } from "vitest";
import { isOver, isRefusedForAll, isRetryable } from "../../src/core/browser/answer-class.ts";
import { isStoredCode, isStoredStatus } from "../../src/core/browser/kept-answers.ts";
import { toldAt, toldBy, toldByHeader } from "../../src/core/browser/told-outcome.ts";

const answer = (status: number, outcome?: string) =>
  new Response(null, { status, headers: outcome === undefined ? {} : { "idempotency-outcome": outcome } });
const inBand = (outcome: unknown, more = {}) => ({ idempotency: { outcome, ...more } });

describe("a word", () => {
  test.each<[unknown, string | undefined]>([
    ["stored", "stored"],
    ["released", "released"],
    ["refused", "refused"],
    ["stored;partial", "stored"],
    ["stored-later", undefined],
    ["not stored", undefined],
    ["?0", undefined],
    [undefined, undefined],
  ])("%s tells %s", (word, told) => {
    expect(toldBy(word)).toBe(told);
  });

  test("of a batch tells of all its calls, if they have ended alike", () => {
    expect(toldByHeader("stored")).toBe("stored");
    expect(toldByHeader("stored, stored  ,stored")).toBe("stored");
    expect(toldByHeader("stored, released")).toBeUndefined();
    expect(toldByHeader("stored, released, stored")).toBeUndefined();
    expect(toldByHeader("later, later")).toBeUndefined();
    expect(toldByHeader(null)).toBeUndefined();
    expect([0, 1, 2].map((place) => toldAt(place, "stored , released"))).toEqual([
      "stored",
      "released",
      undefined,
    ]);
  });
});

describe("an intent", () => {
  test.each<[string, unknown, boolean]>([
    ["success without an answer", undefined, true],
    ["null", null, true],
    ["an answer with 200", answer(200), true],
    ["an answer with 400", answer(400), false],
    ["an error", new Error("x"), false],
    ["a kept refusal", answer(410, "stored"), true],
    ["a key of another request", answer(422, "refused"), true],
    ["a key that is free", answer(503, "released"), false],
    ["a success whose key is free", answer(200, "released"), false],
    ["a word of a later version beside success", answer(200, "later"), true],
    ["an error with its response", { response: answer(410, "stored") }, true],
    ["an error of tRPC, told by the link", { meta: { idempotencyOutcome: "stored" } }, true],
    [
      "an error of tRPC, told by the link to be free",
      { meta: { idempotencyOutcome: "released", response: answer(410, "stored") } },
      false,
    ],
    ["an error of tRPC that the link tells nothing of", { meta: { response: answer(410, "stored") } }, true],
    ["an error of tRPC, told in its shape", { shape: { data: inBand("stored") } }, true],
    ["an error of tRPC without a shape of ours", { shape: { data: {} } }, false],
    ["an error of tRPC without data", { shape: {} }, false],
    ["an error of Apollo's", { networkError: { response: answer(410, "stored") } }, true],
    ["an error of Apollo's without an answer", { networkError: {} }, false],
    ["an error of graphql-request", { response: { extensions: inBand("stored") } }, true],
    ["a response of GraphQL, free", { response: { extensions: inBand("released") } }, false],
    ["a body with extensions", { extensions: inBand("stored") }, true],
    ["headers as an object", { response: { headers: { "idempotency-outcome": "stored" } } }, true],
    ["headers that are null", { response: { headers: null } }, false],
  ])("%s", (_what, ending, isItOver) => {
    expect(isOver(ending)).toBe(isItOver);
  });
});

describe("a refusal is everybody's", () => {
  const stored = inBand("stored");
  test.each<[string, unknown, boolean]>([
    ["nothing", undefined, false],
    ["a kept 410", answer(410, "stored"), true],
    ["a kept 400", answer(400, "stored"), true],
    ["a kept 200", answer(200, "stored"), false],
    ["a kept 399", { status: 399, response: undefined, extensions: stored }, false],
    ["a key of another request", answer(422, "refused"), false],
    ["a part that was made, by the header", answer(410, "stored;partial"), false],
    [
      "a part that was made, in band",
      { status: 410, extensions: inBand("stored", { partial: true }) },
      false,
    ],
    [
      "no part that was made, in band",
      { status: 410, extensions: inBand("stored", { partial: false }) },
      true,
    ],
    ["an error of tRPC's class", Object.assign(new Error("x"), { shape: { data: stored } }), true],
    ["what is no error and has no status", { shape: { data: stored } }, false],
    ["errors without data", { errors: [{}], response: { extensions: stored } }, true],
    ["errors beside data", { errors: [{}], data: { pay: 1 }, extensions: stored }, false],
    [
      "errors beside data, with a response that has none",
      { errors: [{}], data: { pay: 1 }, response: { extensions: stored } },
      false,
    ],
    [
      "errors beside data, with a response that shows none",
      { errors: [{}], data: { pay: 1 }, response: { data: null, extensions: stored } },
      true,
    ],
    ["errors of a root field", { errors: [{ path: ["pay"] }], response: { extensions: stored } }, true],
    [
      "errors below a root field",
      { errors: [null, { path: ["pay", "id"] }], response: { extensions: stored } },
      false,
    ],
    ["errors that are no list", { errors: "no", status: 410, response: { extensions: stored } }, true],
    ["errors of Apollo's", { graphQLErrors: [{}], errors: [], data: { pay: 1 }, extensions: stored }, false],
  ])("%s", (_what, ending, isRefused) => {
    expect(isRefusedForAll(ending)).toBe(isRefused);
  });
});

describe("a failure is repeated", () => {
  const ours = { message: "x", extensions: { code: "IDEMPOTENCY_LEASE_LOST" } };
  test.each<[string, unknown, boolean]>([
    ["a lost answer", new TypeError("fetch failed"), true],
    ["a lost answer of Apollo's", { networkError: new TypeError("fetch failed") }, true],
    ["a lost answer of tRPC's", { cause: new SyntaxError("no JSON") }, true],
    ["an abort", new DOMException("x", "AbortError"), false],
    ["nothing", undefined, false],
    ["an error whose name ends so", { name: "MyTypeError" }, false],
    ["an error whose name begins so", { name: "TypeErrors" }, false],
    ["503", { status: 503 }, true],
    ["400", { status: 400, message: "fetch failed", cause: new TypeError("x") }, false],
    ["400 by tRPC", { data: { httpStatus: 400 }, cause: new TypeError("x") }, false],
    ["400 of a response", { response: { status: 400 }, cause: new TypeError("x") }, false],
    ["399, which is no refusal", { status: 399, cause: new TypeError("x") }, true],
    ["409 of somebody's", { status: 409, message: "The seat is taken." }, false],
    ["409 of ours", { status: 409, type: "urn:onceonly:problem:in-progress", message: "x" }, true],
    ["422 with such words", { status: 422, message: "urn:onceonly:problem:in-progress," }, false],
    ["an error of GraphQL", { errors: [null, {}, { extensions: null }, ours] }, true],
    ["an error of GraphQL in the response", { response: { errors: [ours] } }, true],
    ["an error of Apollo's", { graphQLErrors: [ours], errors: [] }, true],
    ["another error of GraphQL", { errors: [{ extensions: { code: "SOLD_OUT" } }] }, false],
  ])("%s", (_what, failure, isRepeated) => {
    expect(isRetryable(failure)).toBe(isRepeated);
  });
});

test("which refusals are kept, by status", () => {
  const statuses = [
    400, 401, 403, 404, 407, 408, 409, 410, 412, 421, 422, 423, 424, 425, 428, 429, 451, 499, 500, 503,
  ];
  expect(statuses.filter((status) => isStoredStatus(status))).toEqual([400, 404, 410, 422, 451]);
  expect(statuses.filter((status) => isStoredStatus(status, true))).toEqual([
    400, 404, 407, 410, 412, 421, 422, 423, 424, 428, 451,
  ]);
});

test("which refusals are kept, by code", () => {
  const codes = [
    "SOLD_OUT",
    "CONFLICTED",
    "A_CONFLICT",
    "",
    "CONFLICT",
    "TIMEOUT",
    "GATEWAY_TIMEOUT",
    "IDEMPOTENCY_X",
    5,
    undefined,
  ];
  expect(codes.filter(isStoredCode)).toEqual(["SOLD_OUT", "CONFLICTED", "A_CONFLICT", ""]);
});
