import { TRPCError } from "@trpc/server";
import {
  getHTTPStatusCodeFromError,
  TRPC_ERROR_CODES_BY_KEY,
} from "@trpc/server/unstable-core-do-not-import";
import { GraphQLError } from "graphql";
import { describe, expect, it } from "vitest";
import { isFinal } from "../../src/core/browser/answer-class.ts";
import { outcomeOf } from "../../src/http/index.ts";
import { isExpectedError as isExpectedByTRPC } from "../../src/trpc/index.ts";
import { isExpectedError as isExpectedByYoga } from "../../src/yoga/index.ts";

const statuses = Array.from({ length: 200 }, (_, index) => 400 + index);
const released = [401, 403, 408, 409, 425, 429, 499];

const releasedCodes = [
  "INTERNAL_SERVER_ERROR",
  "INTERNAL_ERROR",
  "UNEXPECTED_ERROR",
  "NOT_IMPLEMENTED",
  "BAD_GATEWAY",
  "SERVICE_UNAVAILABLE",
  "GATEWAY_TIMEOUT",
  "DOWNSTREAM_SERVICE_ERROR",
  "UNAUTHENTICATED",
  "UNAUTHORIZED",
  "FORBIDDEN",
  "TIMEOUT",
  "REQUEST_TIMEOUT",
  "CONFLICT",
  "TOO_MANY_REQUESTS",
  "RATE_LIMITED",
  "CLIENT_CLOSED_REQUEST",
];
const trpcCodes = Object.keys(TRPC_ERROR_CODES_BY_KEY) as (keyof typeof TRPC_ERROR_CODES_BY_KEY)[];
const codes = [...releasedCodes, ...trpcCodes, "OUT_OF_STOCK", "PAYMENT_TIMEOUT", "CONFLICTING", 5, null];

/** What a client makes of an answer of Yoga with one error; graphql-request and urql throw this. */
const inGraphQL = (extensions: object, status = 200) =>
  isFinal({ response: { status, errors: [{ message: "no", extensions }] } });

describe("by default, servers store exactly what clients take for the answer", () => {
  it("of plain HTTP, by its status", () => {
    const stored = statuses.filter((status) => outcomeOf({ status, headers: new Headers() }) === "store");
    expect(statuses.filter((status) => isFinal({ status }))).toEqual(stored);
    expect(statuses.filter((status) => status < 500 && !stored.includes(status))).toEqual([
      401, 403, 407, 408, 409, 412, 421, 423, 424, 425, 428, 429, 499,
    ]);
  });

  it("of GraphQL, by its status", () => {
    const stored = statuses.filter((status) =>
      isExpectedByYoga(new GraphQLError("no", { extensions: { http: { status } } })),
    );
    expect(statuses.filter((status) => inGraphQL({}, status))).toEqual(stored);
    expect(statuses.filter((status) => status < 500 && !stored.includes(status))).toEqual(released);
  });

  it.each(codes)("of GraphQL, by the code %j, with and without a status", (code) => {
    expect(inGraphQL({ code })).toBe(isExpectedByYoga(new GraphQLError("no", { extensions: { code } })));
    for (const status of [400, 409, 412, 422, 503]) {
      const extensions = { code, http: { status } };
      const error = new GraphQLError("no", { extensions });
      expect([status, inGraphQL({ code }, status)]).toEqual([status, isExpectedByYoga(error)]);
    }
  });

  it("of GraphQL, by codes that all servers in use have", () => {
    expect(releasedCodes.filter((code) => inGraphQL({ code }))).toEqual([]);
  });

  it.each(trpcCodes)("of tRPC, by the code %s", (code) => {
    const error = new TRPCError({ code, message: "no" });
    const httpStatus = getHTTPStatusCodeFromError(error);
    expect(isFinal({ message: "no", data: { code, httpStatus } })).toBe(isExpectedByTRPC(error));
    expect(isExpectedByTRPC(error)).toBe(httpStatus < 500 && !released.includes(httpStatus));
  });

  it("of tRPC with no code that it knows, never", () => {
    const error = new TRPCError({ code: "OUT_OF_STOCK" as "CONFLICT", message: "no" });
    expect(isExpectedByTRPC(error)).toBe(false);
  });
});

describe("an error of this package", () => {
  it.each([
    ["IDEMPOTENCY_KEY_MISSING", 400, true],
    ["IDEMPOTENCY_KEY_INVALID", 400, true],
    ["IDEMPOTENCY_KEY_PARAMETER_MISMATCH", 422, true],
    ["IDEMPOTENCY_CONCURRENT_REQUEST", 409, false],
    ["IDEMPOTENCY_CLAIM_LOST", 409, false],
    ["IDEMPOTENCY_LEASE_LOST", 409, false],
    ["IDEMPOTENCY_STORE_UNAVAILABLE", 503, false],
    ["IDEMPOTENCY_RESULT_UNSTORABLE", 500, false],
  ])(
    "%s is final for its key: beside other fields, and as a whole answer with status %i",
    (code, status, final) => {
      expect([inGraphQL({ code }), inGraphQL({ code }, status)]).toEqual([final, final]);
      expect(isExpectedByYoga(new GraphQLError("no", { extensions: { code } }))).toBe(false);
    },
  );
});
