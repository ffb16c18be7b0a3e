/** An application with an exporter for Prometheus. */
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { instrument } from "../../src/opentelemetry/index.ts";
import { databases } from "../support/database.ts";
import { freePort } from "../support/free-port.ts";
import { idempotencyOf } from "../support/runs.ts";
import { drive } from "./traffic.ts";

export async function openServed() {
  const opened = await Promise.all(databases.map(({ open }) => open()));
  const port = await freePort();
  const exporter = new PrometheusExporter({ port, host: "127.0.0.1" });
  const provider = new MeterProvider({ readers: [exporter] });
  // The last one: SQLite, which is the first, does not tell its size.
  const instrumentation = instrument({
    meterProvider: provider,
    tracerProvider: false,
    idempotency: idempotencyOf(opened.at(-1)!.prisma),
  });
  return {
    address: `127.0.0.1:${port}`,
    /** What is served now. */
    read: async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text(),
    async drive() {
      for (const database of opened) await drive(database);
    },
    async [Symbol.asyncDispose]() {
      instrumentation.stop();
      await provider.shutdown();
      await Promise.all(opened.map((database) => database[Symbol.asyncDispose]()));
    },
  };
}

/** Whether a database of this run tells the size of its tables. */
export const tellsSize: boolean = databases.some(({ name }) => name !== "sqlite");
