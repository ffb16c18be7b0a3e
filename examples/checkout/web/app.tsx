import { useMutation, useQuery } from "@tanstack/react-query";
import { queryClient, trpc } from "./api.ts";
import { Attempts } from "./attempts.tsx";
import { totalCentsOf, useCart } from "./cart.ts";
import { money } from "./format.ts";
import { Ledger } from "./ledger.tsx";
import { breakNextRequest, forgetAttempts } from "./network.ts";
import { Panel } from "./panel.tsx";
import { usePayment } from "./payment/use-payment.ts";
import { useSettings } from "./settings.ts";
import { Shop } from "./shop.tsx";

export function App() {
  const { settings, change } = useSettings();
  const { cart, setQuantity, markSubmitted, markPaid, startAnew } = useCart();
  const { pay, isPending, error } = usePayment(settings, { cart, onPaid: markPaid });
  const ledger = useQuery(trpc.ledger.queryOptions(undefined, { refetchInterval: 400, retry: false }));
  const clear = useMutation(
    trpc.clearLedger.mutationOptions({ onSuccess: () => queryClient.invalidateQueries() }),
  );

  const submit = () => {
    markSubmitted();
    if (settings.fault === "twice") pay();
    else breakNextRequest(settings.fault);
    pay();
  };
  const newCart = () => {
    forgetAttempts();
    startAnew();
  };

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
          {cart.order ? (
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
            {cart.order
              ? `Paid. Your order is number ${cart.order.id}.`
              : isPending
                ? "Paying…"
                : error
                  ? `Not confirmed. ${error.message}`
                  : ""}
          </p>
          <Attempts />
        </Shop>
        <section className="database" aria-labelledby="database">
          <h2 id="database">What the database says</h2>
          {ledger.data && <Ledger data={ledger.data} cart={cart} />}
          <button type="button" className="quiet" onClick={() => clear.mutate()}>
            Clear the tables
          </button>
        </section>
      </main>
    </>
  );
}
