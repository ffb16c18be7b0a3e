import type { Answer, Client, KeyedOrder } from "../driver/client.ts";
import type { PausePoint } from "../driver/messages.ts";
import { say } from "../driver/print.ts";
import type { ServerProcess } from "../driver/server-process.ts";
import { answerText, idOf, lookInto } from "./describe.ts";
import type { Scenario } from "./scenario.ts";

export const crashInTheMiddle: Scenario = {
  title: "The server is killed in the middle of a mutation",
  promise: "a mutation killed half-way leaves no trace, and its retry executes once",

  async run({ server, database }, client) {
    const order = orderOf("crash-in-the-middle", client);
    const soldBefore = await database.sold();
    await killDuring("in the middle", server, client, order);
    const crashed = await lookInto(database, order.key);
    const taken = (await database.sold()) - soldBefore;
    say("database", `${crashed.text}, ${taken} tea taken from the stock`);

    const retried = await restartAndRetry(server, client, order);
    const final = await lookInto(database, order.key);
    say("database", final.text);
    return (
      crashed.orders.length === 0 &&
      taken === 0 &&
      final.orders.length === 1 &&
      idOf(retried.order) === final.orders[0]?.id
    );
  },
};

export const crashAfterCommit: Scenario = {
  title: "The server is killed after COMMIT, before it answers",
  promise: "a mutation killed between COMMIT and answer is not repeated: its retry gets the answer",

  async run({ server, database }, client) {
    const order = orderOf("crash-after-commit", client);
    await killDuring("after COMMIT", server, client, order);
    const crashed = await lookInto(database, order.key);
    say("database", `${crashed.text}: it is done, but ada cannot know`);

    const retried = await restartAndRetry(server, client, order);
    const final = await lookInto(database, order.key);
    say("database", final.text);
    return (
      crashed.orders.length === 1 &&
      final.orders.length === 0 &&
      idOf(retried.order) === crashed.orders[0]?.id &&
      retried.replayed
    );
  },
};

function orderOf(name: string, client: Client): KeyedOrder {
  return { key: `${name}-${client.name}`, input: { item: "tea", quantity: 3 } };
}

/** The server itself reports that the mutation has reached `point`, and waits there: no timing is involved. */
async function killDuring(
  point: PausePoint,
  server: ServerProcess,
  client: Client,
  order: KeyedOrder,
): Promise<void> {
  await server.pauseAt(point);
  say("client", `ada orders 3 tea over ${client.name}, key "${order.key}"`);
  const reached = server.reached();
  const seen = client.placeOrder("ada", order).then(answerText, () => "no answer, the connection broke");
  await reached;
  say("server", `killed with SIGKILL ${point} (process ${server.pid})`);
  await server.kill();
  say("client", await seen);
}

async function restartAndRetry(server: ServerProcess, client: Client, order: KeyedOrder): Promise<Answer> {
  await server.start();
  say("server", `started again (process ${server.pid})`);
  say("client", "ada's client retries with the same key");
  const answer = await client.placeOrder("ada", order);
  say("server", answerText(answer));
  return answer;
}
