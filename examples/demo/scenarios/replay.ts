import { say } from "../driver/print.ts";
import { answerText, lookInto } from "./describe.ts";
import type { Scenario } from "./scenario.ts";

export const replay: Scenario = {
  title: "A replay",
  promise: "a replay gets the first answer again, byte for byte, and marked as such",

  async run({ database }, client) {
    const order = { key: `replay-${client.name}`, input: { item: "coffee", quantity: 1 } };
    say(
      "client",
      `ada orders 1 coffee over ${client.name}, and once more after the answer, key "${order.key}"`,
    );
    const first = await client.placeOrder("ada", order);
    const second = await client.placeOrder("ada", order);

    say("server", `${answerText(first)}; then ${answerText(second)}`);
    const { orders, text } = await lookInto(database, order.key);
    say("database", text);
    return (
      orders.length === 1 &&
      first.order !== undefined &&
      first.order === second.order &&
      first.status === second.status &&
      !first.replayed &&
      second.replayed
    );
  },
};
