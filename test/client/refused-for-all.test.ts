/** Errors beside data: a part of the mutation was made. */
import { expect, test } from "vitest";
import { isRefusedForAll } from "../../src/core/browser/answer-class.ts";

const told = { idempotency: { outcome: "stored" } };
const errors = [{ message: "no" }];

test.each([
  ["no data", { response: { errors, data: null, extensions: told } }, true],
  ["fields that are all null", { response: { errors, data: { pay: null }, extensions: told } }, true],
  ["data that the client does not show", { response: { errors, extensions: told } }, true],
  [
    "an error below a field, whose data the client does not show",
    { response: { errors: [...errors, { message: "no", path: ["pay", "id"] }], extensions: told } },
    false,
  ],
  ["a field that was made", { response: { errors, data: { pay: 1, ship: null }, extensions: told } }, false],
])("a GraphQL answer with errors and %s", (_, failure, isRefused) => {
  expect(isRefusedForAll(failure)).toBe(isRefused);
});
