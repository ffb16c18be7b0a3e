/** Metrics for Prometheus, as an application has them: an exporter, and one call of ours. */
import { once } from "node:events";
import { createServer } from "node:http";
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { instrument } from "onceonly/opentelemetry";
import { idempotency } from "../database/index.ts";

/** @throws if the port is taken. */
export async function serveMetrics(port: number) {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const provider = new MeterProvider({ readers: [exporter] });
  // With `idempotency`, each collection reads the state of the table too.
  instrument({ meterProvider: provider, tracerProvider: false, idempotency });
  const server = createServer((request, response) => {
    if (request.url === "/metrics") exporter.getMetricsRequestHandler(request, response);
    else response.writeHead(404).end();
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${port}/metrics`,
    async stop() {
      server.close();
      server.closeAllConnections();
      await provider.shutdown();
    },
  };
}
