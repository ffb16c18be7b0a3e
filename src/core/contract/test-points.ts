/**
 * What `onceonly/testing` listens to, and where it makes runs fail: a channel that nobody else subscribes to. Without a subscriber each
 * point costs one look at a property, and nothing can fail; names and messages are no part of the public API.
 */
import { type Channel, channel } from "node:diagnostics_channel";

/** The name of the channel. */
export const TEST_POINTS = "onceonly:testing";

/** Where a run stands. A subscriber that sets `failure` makes it fail there, if anything can fail there. */
export interface TestPoint {
  readonly point: TestPointName;
  readonly facts: TestPointFacts;
  failure?: Error;
}

export type TestPointName =
  /** The key is claimed, and the handler has not begun. */
  | "claimed"
  /** A statement of the handler is about to be sent in its transaction. */
  | "statement"
  /** A step of a leased run is about to be executed. */
  | "step"
  /** A step has ended, and its result is not recorded. */
  | "step ended"
  /** The handler has ended, and its outcome is not stored. */
  | "handler ended"
  /** The outcome is committed, and the caller has no answer. */
  | "committed"
  /** A handler writes outside of its transaction. Nothing can fail here. */
  | "uncovered write"
  /** A statement came after the end of its handler, and is refused. Nothing can fail here. */
  | "late statement";

export interface TestPointFacts {
  readonly operation?: string | undefined;
  /** Of a write outside of the transaction: what it does, such as `Order.create`. */
  readonly action?: string | undefined;
  /** File, line and column. */
  readonly callSite?: string | undefined;
}

const points: Channel = channel(TEST_POINTS);

/** Tells of a point, if anybody listens, and returns what a subscriber wants to fail there. */
export function failureAt(point: TestPointName, facts: TestPointFacts): Error | undefined {
  if (!points.hasSubscribers) {
    return undefined;
  }
  const { operation, action, callSite } = facts;
  const message: TestPoint = { point, facts: { operation, action, callSite } };
  points.publish(message);
  return message.failure;
}

/** The same. @throws what a subscriber wants to fail there. */
export function reached(point: TestPointName, facts: TestPointFacts): void {
  const failure = failureAt(point, facts);
  if (failure !== undefined) {
    throw failure;
  }
}
