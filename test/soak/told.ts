/** What clients write down: for each intent of a user, what he was told. */

/** `place`: one transaction. `pay`: a leased run with a charge. `ship`: a message. */
export type Kind = "place" | "pay" | "ship";
type Via = "trpc" | "yoga" | "http" | "rabbitmq";

/** What a mutation answers. */
export interface Receipt {
  readonly orderId: string;
  /** Names the process that wrote the order. */
  readonly by: string;
  readonly quantity: number;
}

export type Answer =
  | { readonly receipt: Receipt /** Told over HTTP alone. */; readonly replayed?: boolean }
  /** The expected error of the application: an answer, too. */
  | { readonly soldOut: true; readonly replayed?: boolean }
  /** An error that is told to be final, or is none of those that may happen. */
  | { readonly denied: string };

/** A line of the history. */
export interface Told {
  /** What the user wants, and the order's own key in the database. */
  readonly intent: string;
  /** The idempotency key, or the id of the message. */
  readonly key: string;
  readonly kind: Kind;
  readonly via: Via;
  readonly quantity: number;
  readonly isSoldOut: boolean;
  /** Of each caller that repeated its call until it was answered, and of retries that came later. Empty for a message. */
  readonly answers: readonly Answer[];
  /** What another input under the same key was answered, if one was sent. */
  readonly reuse?: Answer;
}
