/**
 * Tests for applications: whether a mutation is executed exactly once.
 *
 * @module onceonly/testing
 */

export { type ExactlyOnceReport, expectExactlyOnce } from "./kit/expect-exactly-once.ts";
export { ExactlyOnceError, type ExactlyOnceFinding, type Found } from "./kit/findings.ts";
export type { ExpectOptions, ScenarioName } from "./kit/options.ts";
export type { Mutation, MutationCall } from "./kit/watch.ts";
