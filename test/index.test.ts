import { expect, test } from "vitest";
import * as onceonly from "../src/index.ts";

test("the main entry exports exactly these values", () => {
  expect(Object.keys(onceonly).toSorted()).toEqual([
    "IdempotencyError",
    "TransactionOverError",
    "UncoveredWriteError",
    "UnstorableValueError",
    "createCompleter",
    "createIdempotency",
    "devalueCodec",
    "isIdempotencyError",
    "transformerCodec",
    "withAmbientTransaction",
  ]);
});
