import { say } from "../driver/print.ts";
import { answerText, lookInto } from "./describe.ts";
import type { Scenario } from "./scenario.ts";

export const otherInput: Scenario = {
  title: "The same key with another input",
  promise: "the same key with another input is refused with 422, and executes nothing",

  async run({ database }, client) {
    const key = `other-input-${client.name}`;
    say("client", `ada orders 1 cocoa over ${client.name}, then 100 cocoa with the same key "${key}"`);
    const first = await client.placeOrder("ada", { key, input: { item: "cocoa", quantity: 1 } });
    const second = await client.placeOrder("ada", { key, input: { item: "cocoa", quantity: 100 } });

    say("server", `${answerText(first)}; then ${answerText(second)}`);
    const { orders, text } = await lookInto(database, key);
    say("database", text);
    return (
      orders.length === 1 &&
      orders[0]?.quantity === 1 &&
      first.order !== undefined &&
      second.order === undefined &&
      second.status === 422
    );
  },
};
