/**
 * Holds what clients were told against what the database has in the end. Each rule that is broken is a line that names the intent;
 * no line is right.
 */
import type { Service } from "../../../examples/payments/service.ts";
import type { Answer, Kind, Receipt, Told } from "../told.ts";

/** An order as it is committed. */
export interface Order {
  readonly intent: string;
  readonly orderId: string;
  readonly by: string;
  readonly item: string;
  readonly quantity: number;
}

/** A record of the library. */
export interface RecordOfKey {
  readonly key: string;
  readonly status: string;
}

export interface Stored {
  readonly orders: AsyncIterable<Order> | Iterable<Order>;
  /** Orders and accounts without each other. */
  readonly halves: number;
  /** What is missing in the stocks, in all. */
  readonly taken: number;
  readonly records: AsyncIterable<RecordOfKey> | Iterable<RecordOfKey>;
}

/** What the outside service has done: charges, each under its own key, and notes that an intent was committed. */
export type Effect = Pick<Service["effects"][number], "kind" | "id" | "body">;

/** What is kept of an intent: its first answer, and what speaks against one of the others. */
interface Intent {
  readonly kind: Kind;
  readonly quantity: number;
  readonly isSoldOut: boolean;
  receipt?: Receipt;
  isToldSoldOut: boolean;
  fresh: number;
}

export interface Checked {
  readonly violations: string[];
  readonly intents: number;
  readonly answers: number;
}

/** More would be of the same cause. */
const VIOLATIONS_MAX = 200;

export async function check(
  told: AsyncIterable<Told> | Iterable<Told>,
  stored: Stored,
  outside: readonly Effect[],
): Promise<Checked> {
  const violations: string[] = [];
  const broken = (rule: string, intent: string, seen?: unknown) => {
    if (violations.length < VIOLATIONS_MAX)
      violations.push(`${rule}: ${intent}${seen === undefined ? "" : ` ${JSON.stringify(seen)}`}`);
  };
  const intents = new Map<string, Intent>();
  /** The intent of each key. */
  const keys = new Map<string, string>();
  let answers = 0;

  const hear = (name: string, intent: Intent, answer: Answer) => {
    answers += 1;
    if ("denied" in answer) return broken("denied", name, answer);
    intent.fresh += answer.replayed === false ? 1 : 0;
    if ("soldOut" in answer) {
      if (!intent.isSoldOut) broken("sold out without reason", name);
      if (intent.receipt !== undefined) broken("answers differ", name, [intent.receipt, answer]);
      intent.isToldSoldOut = true;
    } else {
      const { receipt } = answer;
      intent.receipt ??= receipt;
      if (!isSame(intent.receipt, receipt)) broken("answers differ", name, [intent.receipt, receipt]);
      if (intent.isToldSoldOut) broken("answers differ", name, [answer, "sold out"]);
      if (receipt.quantity !== intent.quantity) broken("answer to another input", name, receipt);
    }
  };

  for await (const line of told) {
    const { intent: name, kind, quantity, isSoldOut } = line;
    const intent = intents.get(name) ?? newIntent(kind, quantity, isSoldOut);
    intents.set(name, intent);
    keys.set(line.key, name);
    for (const answer of line.answers) hear(name, intent, answer);
    if (line.reuse !== undefined && !isRefusal(line.reuse)) broken("key reused", name, line.reuse);
  }
  for (const [name, intent] of intents) {
    if (intent.fresh > 1) broken("told twice that it was executed now", name);
    const isTold = intent.receipt !== undefined || intent.isToldSoldOut;
    if (!isTold && intent.kind !== "ship") broken("never answered", name);
  }

  /** The charge of each intent. */
  const charges = new Map<string, string>();
  const committed = new Set<string>();
  for (const { kind, id, body } of outside) {
    const name = body.reference;
    if (kind === "committed") {
      if (committed.has(name)) broken("afterCommit called twice", name);
      committed.add(name);
    } else {
      if (charges.has(name)) broken("charged twice", name);
      charges.set(name, id);
    }
  }

  let sum = 0;
  const seen = new Set<string>();
  for await (const order of stored.orders) {
    const { intent: name, orderId, by, quantity, item } = order;
    sum += quantity;
    if (seen.has(name)) broken("executed twice", name, order);
    seen.add(name);
    const intent = intents.get(name);
    if (intent === undefined) {
      broken("executed without being asked for", name, order);
      continue;
    }
    if (intent.isSoldOut) broken("a failure left its writes", name, order);
    const { receipt } = intent;
    if (receipt !== undefined && !isSame(receipt, { orderId, by, quantity }))
      broken("answer of another execution", name, [receipt, order]);
    if (intent.kind === "pay" && item !== charges.get(name))
      broken("booked under another charge", name, [item, charges.get(name)]);
  }
  for (const [name, intent] of intents) {
    const isDue = intent.kind === "ship" || intent.receipt !== undefined;
    if (isDue && !seen.has(name)) broken("acknowledged, and not there", name, intent.receipt);
  }
  for (const name of charges.keys()) {
    if (!seen.has(name)) broken("charged, and not booked", name);
  }
  if (stored.halves > 0) broken("half of a transaction is there", `${stored.halves} rows`);
  if (stored.taken !== sum) broken("stocks and orders differ", `${stored.taken} taken, ${sum} ordered`);
  for await (const { key, status } of stored.records) {
    const name = keys.get(key);
    if (name === undefined) broken("a record that nobody asked for, or a second one", key);
    else if (status === "in_progress") broken("a record without an end", name);
    keys.delete(key);
  }
  for (const [key, name] of keys) broken("no record", name, [key, intents.get(name)]);
  return { violations, intents: intents.size, answers };
}

const newIntent = (kind: Kind, quantity: number, isSoldOut: boolean): Intent => ({
  kind,
  quantity,
  isSoldOut,
  isToldSoldOut: false,
  fresh: 0,
});

const isSame = (a: Receipt, b: Receipt) =>
  a.orderId === b.orderId && a.by === b.by && a.quantity === b.quantity;

/** What another input under a used key is answered. */
const isRefusal = (answer: Answer) =>
  "denied" in answer && /422|UNPROCESSABLE|PARAMETER_MISMATCH/.test(answer.denied);
