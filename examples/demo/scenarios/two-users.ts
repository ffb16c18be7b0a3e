import { say } from "../driver/print.ts";
import { answerText, idOf, lookInto } from "./describe.ts";
import type { Scenario } from "./scenario.ts";

export const twoUsers: Scenario = {
  title: "Two users with the same key",
  promise: "two users with the same key each get their own order",

  async run({ database }, client) {
    const order = { key: `two-users-${client.name}`, input: { item: "tea", quantity: 1 } };
    say("client", `ada and bob each order 1 tea over ${client.name}, both with the key "${order.key}"`);
    const ada = await client.placeOrder("ada", order);
    const bob = await client.placeOrder("bob", order);

    say("server", `ada ${answerText(ada)}; bob ${answerText(bob)}`);
    const { orders, text } = await lookInto(database, order.key);
    say("database", `${text}, of ${orders.map(({ customer }) => customer).join(" and ")}`);
    const idBy = (name: string) => orders.find(({ customer }) => customer === name)?.id;
    return orders.length === 2 && idOf(ada.order) === idBy("ada") && idOf(bob.order) === idBy("bob");
  },
};
