import { say } from "../driver/print.ts";
import { lookInto } from "./describe.ts";
import type { Scenario } from "./scenario.ts";

const COUNT = 50;

export const duplicates: Scenario = {
  title: `${COUNT} concurrent duplicates of one order`,
  promise: `${COUNT} concurrent duplicates make one order and get ${COUNT} equal answers`,

  async run({ database }, client) {
    const order = { key: `duplicates-${client.name}`, input: { item: "tea", quantity: 2 } };
    say(
      "client",
      `ada orders 2 tea over ${client.name}, ${COUNT} times at once, all with the key "${order.key}"`,
    );
    const answers = await Promise.all(Array.from({ length: COUNT }, () => client.placeOrder("ada", order)));

    const distinct = new Set(answers.map((answer) => answer.order));
    const failed = answers.filter((answer) => answer.order === undefined).length;
    const replayed = answers.filter((answer) => answer.replayed).length;
    say(
      "server",
      `${COUNT} answers: ${distinct.size} distinct, ${failed} failed, ${replayed} marked as replayed`,
    );
    const { orders, text } = await lookInto(database, order.key);
    say("database", text);
    return orders.length === 1 && distinct.size === 1 && failed === 0 && replayed === COUNT - 1;
  },
};
