/** Opens the payment provider, makes the tables, builds the page, runs the server and keeps it running. */
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { databaseUrl } from "./app/database.ts";
import { openProvider } from "./provider/open-provider.ts";
import { ServerProcess } from "./supervisor/server-process.ts";
import { createTables } from "./supervisor/tables.ts";

const provider = await openProvider();
const server = new ServerProcess(Number(process.env["PORT"] ?? 4100), {
  CHECKOUT_PROVIDER_URL: provider.url,
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void server.stop().finally(() => process.exit()));
}

await createTables();
await build({ configFile: fileURLToPath(new URL("vite.config.ts", import.meta.url)), logLevel: "warn" });
await server.start();
console.log(`Checkout is at ${server.url}\nDatabase: ${databaseUrl}\nStop it with Ctrl-C.`);
