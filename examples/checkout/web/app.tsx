import { useMutation, useQuery } from "@tanstack/react-query";
import { queryClient, trpc } from "./api.ts";
import { markPaid, type PaidOrder, totalCentsOf, useCart } from "./cart.ts";
import { money } from "./format.ts";
import { LANE_NAMES, type Lane } from "./lanes.ts";
import { emptyLedger, inLane } from "./ledger.ts";
import { breakNextRequest, forgetAttempts, useAttempts } from "./network.ts";
import { Panel } from "./panel.tsx";
import { usePayments } from "./payment/use-payments.ts";
import { useSettings } from "./settings.ts";
import { Shop } from "./shop.tsx";
import { Stored } from "./stored.tsx";
import { Timeline } from "./timeline.tsx";
import { Verdict } from "./verdict.tsx";

export function App() {
  const { settings, change } = useSettings();
  const { cart, setQuantity, markSubmitted, startAnew } = useCart();
  const attempts = useAttempts();
  const ledger = useQuery(trpc.ledger.queryOptions(undefined, { refetchInterval: 400, retry: false }));
  const clear = useMutation(
    trpc.clearLedger.mutationOptions({ onSuccess: () => queryClient.invalidateQueries() }),
  );
  const lanes: Lane[] = settings.lanes === "both" ? ["with", "without"] : [settings.lanes];
  const payments = usePayments(settings, { cart, onPaid });

  function pay(lane: Lane) {
    if (settings.fault === "twice") payments[lane].pay();
    else breakNextRequest(settings.fault);
    payments[lane].pay();
  }
  function onPaid(lane: Lane, id: string, order: PaidOrder) {
    const next = lanes.find((other) => other !== lane && cart.orders[other] === undefined);
    if (markPaid(lane, id, order) && next !== undefined) pay(next);
  }

  const unpaid = lanes.find((lane) => cart.orders[lane] === undefined);
  const submit = () => {
    markSubmitted();
    pay(unpaid ?? "with");
  };
  const newCart = () => {
    forgetAttempts();
    startAnew();
  };
  const shown = lanes.map((lane) => inLane(lane, { cart, attempts, ledger: ledger.data ?? emptyLedger }));

  return (
    <>
      <header>
        <h1>
          Checkout <span>paid once, whatever breaks</span>
        </h1>
        <p className="server" data-state={ledger.isError ? "down" : "up"}>
          {ledger.isError
            ? "Server down, restarting"
            : ledger.data
              ? `Server up, process ${ledger.data.server.pid}`
              : "Connecting"}
        </p>
      </header>
      <main>
        <Panel settings={settings} onChange={change} />
        <Shop cart={cart} onQuantity={setQuantity}>
          {unpaid === undefined ? (
            <button type="button" className="pay again" onClick={newCart}>
              Start a new cart
            </button>
          ) : (
            // Not disabled while a payment is under way: the key makes another press harmless.
            <button type="button" className="pay" disabled={totalCentsOf(cart) === 0} onClick={submit}>
              Pay {money(totalCentsOf(cart))}
            </button>
          )}
          <p className="outcome" aria-live="polite">
            {outcomeOf(lanes, unpaid, { cart, payments })}
          </p>
          <div className="verdicts" role="status">
            {shown.map((it) => (
              <Verdict key={it.lane} {...it} totalCents={totalCentsOf(cart)} />
            ))}
          </div>
        </Shop>
        <section className="story" aria-labelledby="story">
          <h2 id="story">What happened</h2>
          <div className="timelines">
            {shown.map((it) => (
              <Timeline key={it.lane} {...it} />
            ))}
          </div>
          {shown.map(({ lane, record }) => lane === "with" && <Stored key={lane} record={record} />)}
          <button type="button" className="quiet" onClick={() => clear.mutate()}>
            Clear the tables
          </button>
        </section>
      </main>
    </>
  );
}

interface Paying {
  readonly cart: ReturnType<typeof useCart>["cart"];
  readonly payments: ReturnType<typeof usePayments>;
}

function outcomeOf(lanes: readonly Lane[], unpaid: Lane | undefined, { cart, payments }: Paying): string {
  if (unpaid === undefined)
    return `Paid. Your order is number ${lanes.map((lane) => cart.orders[lane]?.id)[0]}.`;
  const { isPending, error } = payments[unpaid];
  if (isPending) return lanes.length > 1 ? `Paying ${LANE_NAMES[unpaid].toLowerCase()}…` : "Paying…";
  return error ? `Not confirmed. ${error.message}` : "";
}
