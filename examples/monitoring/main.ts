/** A server with metrics, and clients that keep it busy until Ctrl-C: something to point Prometheus and Grafana at. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createTables, idempotency, prisma } from "../database/index.ts";
import { start } from "../http/node.ts";
import { completer } from "./payouts.ts";
import { serveMetrics } from "./telemetry.ts";
import { makeTraffic } from "./traffic.ts";

const PORT = 9464;
const CLIENTS = 3;

const given = process.env["METRICS_PORT"];
const port = Number(given ?? PORT);

const metrics = await serveMetrics(port).catch((error: NodeJS.ErrnoException) => {
  const remedy = `give another one: METRICS_PORT=${PORT + 1} npm run example:monitoring`;
  console.error(`Port ${given ?? PORT} cannot be used (${error.code ?? error.message}); ${remedy}`);
  process.exit(1);
});
await createTables();
const server = start(Number(process.env["PORT"] ?? 0));
if (!server.listening) await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

const ended = new AbortController();
const { signal } = ended;
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => ended.abort());

const pruning = idempotency.startPruning({ everyMs: 10_000 });
completer.start();
const traffic = Promise.all(Array.from({ length: CLIENTS }, () => makeTraffic(url, signal)));

console.log(`
${CLIENTS} clients charge customers at ${url}, and make payouts that often fail half-way. Ctrl-C ends it.

   Metrics      ${metrics.url}
   Prometheus   prometheus --config.file=examples/monitoring/prometheus.yml --storage.tsdb.path=/tmp/onceonly-prometheus
                It reads the metrics of port ${PORT} every five seconds, and has the alerts of ops/prometheus/onceonly.rules.yml:
                http://localhost:9090/alerts
   Grafana      Add http://localhost:9090 as a data source of type Prometheus, and import ops/grafana/onceonly.json
                (Dashboards, New, Import).
`);

await traffic;
await Promise.all([completer.stop({ timeoutMs: 5_000 }), pruning.stop()]);
server.close();
server.closeAllConnections();
await metrics.stop();
await prisma.$disconnect();
