import type { InspectedRecord } from "../../core/contract/upkeep/inspection.ts";

type State = InspectedRecord["state"];

/** How a state is coloured. */
export const STATE_STYLES: Readonly<Record<State, "yellow" | "green" | "red">> = {
  in_progress: "yellow",
  completed: "green",
  failed: "red",
};

/** The state of a record, in words. */
export function stateOf({
  state,
  isAbandoned,
  isExpired,
}: Pick<InspectedRecord, "state" | "isAbandoned" | "isExpired">): string {
  const word = state === "in_progress" ? (isAbandoned ? "abandoned" : "in progress") : state;
  return isExpired ? `${word}, expired` : word;
}

/** For JSON, which leaves out what is `undefined`: a program finds each member there, whatever its value. */
export function orNulls(object: object): object {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, value ?? null]));
}
