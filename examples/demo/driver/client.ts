import type { OrderInput } from "../app/orders.ts";

export interface KeyedOrder {
  readonly key: string;
  readonly input: OrderInput;
}

/** What a client got for one mutation. */
export interface Outcome {
  /** The order as JSON; undefined if the answer is an error. */
  readonly order: string | undefined;
  /** The error's code. */
  readonly error: string | undefined;
}

/** An outcome that had an HTTP response to itself. */
export interface Answer extends Outcome {
  readonly status: number;
  /** Whether the response has the header `Idempotent-Replayed: true`. */
  readonly replayed: boolean;
}

/** A client of one of the two protocols. It rejects only if no answer came at all. */
export interface Client {
  readonly name: "tRPC" | "GraphQL";
  placeOrder(user: string, order: KeyedOrder): Promise<Answer>;
  /** Several mutations in one HTTP request, each with a key of its own. */
  placeOrders(user: string, orders: readonly KeyedOrder[]): Promise<Outcome[]>;
}

// A broken promise may show as silence, and the demo must end all the same.
export const ANSWER_WITHIN_MS = 15_000;

export function answerOf(outcome: Outcome | undefined, response: Response): Answer {
  if (outcome === undefined) throw new Error("an HTTP response without an outcome");
  const replayed = response.headers.get("idempotent-replayed") === "true";
  return { ...outcome, status: response.status, replayed };
}
