import { say } from "../driver/print.ts";
import { idOf, lookInto, outcomeText } from "./describe.ts";
import type { Scenario } from "./scenario.ts";

export const batch: Scenario = {
  title: "A batch of mutations with a key each",
  promise: "each mutation of a batch executes once, whichever batch a retry comes in",

  async run({ database }, client) {
    const orderOf = (item: string) => ({ key: `batch-${item}-${client.name}`, input: { item, quantity: 1 } });
    const [tea, coffee, cocoa] = [orderOf("tea"), orderOf("coffee"), orderOf("cocoa")];
    say("client", `ada orders tea and coffee in one ${client.name} request, with a key each`);
    const first = await client.placeOrders("ada", [tea, coffee]);
    say("server", first.map(outcomeText).join(", "));
    say("client", "she sends coffee again, now in one request with cocoa, which is new");
    const second = await client.placeOrders("ada", [coffee, cocoa]);
    say("server", second.map(outcomeText).join(", "));

    const { orders, text } = await lookInto(database, tea.key, coffee.key, cocoa.key);
    say("database", text);
    const answered = [...first, ...second].map(({ order }) => idOf(order));
    const expected = ["tea", "coffee", "coffee", "cocoa"].map(
      (wanted) => orders.find(({ item }) => item === wanted)?.id,
    );
    return orders.length === 3 && answered.join() === expected.join() && first[1]?.order === second[0]?.order;
  },
};
