import { money } from "./format.ts";
import type { InLane } from "./ledger.ts";
import type { Attempt } from "./network.ts";

/** One thing that happened, as the page, the database or the provider saw it. */
export interface Moment {
  /** Milliseconds since 1970. Browser, database and provider are on one computer, and have one clock. */
  readonly at: number;
  readonly text: string;
  readonly tone: "plain" | "wait" | "good" | "bad";
}

/** What became of one way to pay, in order. */
export function momentsOf(it: InLane): Moment[] {
  const all = [...momentsOfRequests(it), ...momentsOfCharges(it), ...momentsOfRows(it)];
  return all.sort((a, b) => a.at - b.at);
}

function momentsOfCharges({ charges }: InLane): Moment[] {
  return charges.map(({ at, cents, isRepeated }) => ({
    at: Date.parse(at),
    text: isRepeated ? "Provider knows the key, no charge" : `Provider charged ${money(cents)}`,
    tone: "plain",
  }));
}

function momentsOfRows({ orders, record }: InLane): Moment[] {
  if (record === undefined) {
    return orders.map(({ id, placedAt }) => ({
      at: Date.parse(placedAt),
      text: `Order ${id} written`,
      tone: "plain",
    }));
  }
  const claimed: Moment = { at: Date.parse(record.createdAt), text: "Key claimed", tone: "good" };
  const [order] = orders;
  if (record.completedAt === null || order === undefined) return [claimed];
  const text = `Order ${order.id} and its answer committed`;
  return [claimed, { at: Date.parse(record.completedAt), text, tone: "good" }];
}

function momentsOfRequests({ attempts, orders }: InLane): Moment[] {
  return attempts.flatMap((attempt, index) => {
    // While a server is down, requests end alike: the last of them stands for all after the first.
    const isAlike = isLost(attempt) && isLost(attempts[index - 1]);
    if (isAlike && isLost(attempts[index + 1])) return [];
    const before = attempts.findLastIndex((other, n) => n < index && !isLost(other));
    const wasWritten = orders.some(({ placedAt }) => Date.parse(placedAt) <= (attempt.endedAt ?? 0));
    return momentsOfRequest(attempt, nameOf(isAlike ? before + 3 : index + 1, index + 1), wasWritten);
  });
}

const isLost = (attempt: Attempt | undefined): boolean => attempt?.state === "lost";

function nameOf(first: number, last: number): string {
  return first === last ? `Request ${last}` : `Requests ${first} to ${last}`;
}

function momentsOfRequest(attempt: Attempt, name: string, wasWritten: boolean): Moment[] {
  const { state, status, sentAt, endedAt } = attempt;
  if (state === "pending" || endedAt === undefined) {
    return [{ at: sentAt, text: `${name} on its way`, tone: "wait" }];
  }
  const texts = {
    answered: "Answered",
    replayed: "Replayed: the stored answer",
    refused: `Refused with ${status}`,
    late: "No answer in time, given up",
    lost: `${wasWritten ? "Answer lost" : "No answer"}, the connection broke`,
  };
  const tone = state === "answered" || state === "replayed" ? "good" : "bad";
  return [
    { at: sentAt, text: name, tone: "plain" },
    { at: endedAt, text: texts[state], tone },
  ];
}
