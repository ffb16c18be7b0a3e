import type { inferRouterOutputs } from "@trpc/server";
import type { AppRouter } from "../app/trpc.ts";
import { type Cart, totalCentsOf } from "./cart.ts";
import { money, shortKey } from "./format.ts";

type LedgerData = inferRouterOutputs<AppRouter>["ledger"];

const ROWS_SHOWN = 6;

interface LedgerProps {
  readonly data: LedgerData;
  readonly cart: Cart;
}

/** Orders and records as they stand in the database. */
export function Ledger({ data, cart }: LedgerProps) {
  const ofCart = data.orders.filter((order) => order.cart === cart.id);
  const state = ofCart.length === 0 ? "none" : ofCart.length === 1 ? "once" : "more";
  const paid = money(ofCart.reduce((sum, { totalCents }) => sum + totalCents, 0));
  return (
    <div className="ledger" data-state={state}>
      <p className="verdict" role="status">
        <strong>{ofCart.length}</strong>{" "}
        <span>
          {state === "once" ? "order" : "orders"} for this cart
          <small>
            {state === "none" && "Nothing is charged yet."}
            {state === "once" && `${paid} charged, once.`}
            {state === "more" && `${paid} charged instead of ${money(totalCentsOf(cart))}.`}
          </small>
        </span>
      </p>
      <table className="orders">
        <caption>Orders</caption>
        <thead>
          <tr>
            <th scope="col">Id</th>
            <th scope="col">Items</th>
            <th scope="col">Charged</th>
          </tr>
        </thead>
        <tbody>
          {data.orders.slice(0, ROWS_SHOWN).map(({ id, items, totalCents, cart: paidCart }) => (
            <tr key={id} className={paidCart === cart.id ? "current" : undefined}>
              <td>{id}</td>
              <td>{items}</td>
              <td>{money(totalCents)}</td>
            </tr>
          ))}
          {data.orders.length === 0 && <EmptyRow />}
        </tbody>
      </table>
      <table className="records">
        <caption>Idempotency records</caption>
        <thead>
          <tr>
            <th scope="col">Key</th>
            <th scope="col">Status</th>
            <th scope="col">Stored result</th>
          </tr>
        </thead>
        <tbody>
          {data.records.slice(0, ROWS_SHOWN).map(({ key, status, response }) => (
            <tr key={key}>
              <td>
                <code title={key}>{shortKey(key)}</code>
              </td>
              <td>{status}</td>
              <td className="clip">
                <code title={response ?? ""}>{response}</code>
              </td>
            </tr>
          ))}
          {data.records.length === 0 && <EmptyRow />}
        </tbody>
      </table>
    </div>
  );
}

function EmptyRow() {
  return (
    <tr className="empty">
      <td colSpan={3}>No rows</td>
    </tr>
  );
}
