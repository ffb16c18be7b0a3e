/** Holds a cluster and the links between its nodes, and takes everything along when its parent ends. */
import { parentPort } from "../../support/worker.ts";
import type { Order, Report } from "./cluster.ts";
import { Nodes } from "./nodes.ts";

const port = await parentPort<undefined, Report, Order>();
const nodes = new Nodes();
process.on("exit", () => nodes.close());
// Of a terminal, for example, which sends them to all processes of a run.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(1));

await nodes.start();
port.send({ type: "done" });
for (;;) {
  const { what, node } = await port.waitFor("order");
  await nodes[what](node);
  port.send({ type: "done" });
}
