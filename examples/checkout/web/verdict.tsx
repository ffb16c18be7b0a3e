import { money } from "./format.ts";
import { LANE_NAMES } from "./lanes.ts";
import type { InLane } from "./ledger.ts";

/** What became of the customer's money, by the rows of the database and the provider's own list. */
export function Verdict({ lane, orders, charges, totalCents }: InLane & { readonly totalCents: number }) {
  const charged = charges.filter(({ isRepeated }) => !isRepeated);
  const chargedCents = charged.reduce((sum, { cents }) => sum + cents, 0);
  const most = Math.max(charged.length, orders.length);
  const state = most === 0 ? "none" : most === 1 ? "once" : "more";
  return (
    <p className="verdict" data-state={state}>
      <span className="lane">{LANE_NAMES[lane]}</span>
      <strong>{charged.length === 0 ? "Not charged" : `Charged ${times(charged.length)}`}</strong>
      <span className="sum">
        {charged.length > 0 && <span>{money(chargedCents)}</span>}
        {charged.length > 1 && <s aria-label={`instead of ${money(totalCents)}`}>{money(totalCents)}</s>}
        <span>{orders.length === 1 ? "1 order" : `${orders.length} orders`}</span>
      </span>
    </p>
  );
}

function times(count: number): string {
  return ["never", "once", "twice"][count] ?? `${count} times`;
}
