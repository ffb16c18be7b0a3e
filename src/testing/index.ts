/**
 * Tests for applications: whether a mutation is executed exactly once. And for stores and adapters of others: whether they keep what
 * runs rely on.
 *
 * @module onceonly/testing
 */

export type { Store } from "../core/contract/store.ts";
export type { ConformanceCase, ConformanceOptions, StoreUnderTest } from "./conformance/conformance-case.ts";
export {
  type KeyHeaderVector,
  type KeyListHeaderVector,
  keyHeaderVectors,
  keyListHeaderVectors,
} from "./conformance/key-headers.ts";
export { storeConformance } from "./conformance/store-conformance.ts";
export { type ExactlyOnceReport, expectExactlyOnce } from "./kit/expect-exactly-once.ts";
export { ExactlyOnceError, type ExactlyOnceFinding, type Found } from "./kit/findings.ts";
export type { ExpectOptions, ScenarioName } from "./kit/options.ts";
export type { Mutation, MutationCall } from "./kit/watch.ts";
