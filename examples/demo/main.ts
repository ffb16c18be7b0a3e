/**
 * Runs a real server and drives it over the network through everything onceonly promises.
 * Exit code 1 if a promise is broken. With `--serve` it leaves the server running at the end.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Database } from "./driver/database.ts";
import { graphqlClient } from "./driver/graphql-client.ts";
import { failure, heading, plain, verdict } from "./driver/print.ts";
import { showHowToTry } from "./driver/serve.ts";
import { ServerProcess } from "./driver/server-process.ts";
import { showTables } from "./driver/tables.ts";
import { trpcClient } from "./driver/trpc-client.ts";
import { batch } from "./scenarios/batch.ts";
import { crashAfterCommit, crashInTheMiddle } from "./scenarios/crash.ts";
import { duplicates } from "./scenarios/duplicates.ts";
import { otherInput } from "./scenarios/other-input.ts";
import { replay } from "./scenarios/replay.ts";
import type { Scenario } from "./scenarios/scenario.ts";
import { twoUsers } from "./scenarios/two-users.ts";

const SCENARIOS: readonly Scenario[] = [
  duplicates,
  replay,
  otherInput,
  twoUsers,
  batch,
  crashInTheMiddle,
  crashAfterCommit,
];

const folder = mkdtempSync(join(tmpdir(), "onceonly-demo-"));
const file = join(folder, "demo.db");
const server = new ServerProcess(pathToFileURL(file).href);
let database: Database | undefined;

async function run(): Promise<boolean> {
  database = await Database.create(pathToFileURL(file).href);
  await server.start();
  heading("onceonly: tRPC and GraphQL Yoga side by side, over one SQLite file");
  plain(`   ${server.url}/trpc, ${server.url}/graphql, ${file}`);

  const clients = [trpcClient(server.url), graphqlClient(server.url)];
  const promises = new Map<string, boolean>();
  for (const [i, scenario] of SCENARIOS.entries()) {
    heading(`${i + 1}. ${scenario.title}`);
    for (const client of clients) {
      const kept = await scenario.run({ server, database }, client);
      verdict(`over ${client.name}`, kept);
      promises.set(scenario.promise, kept && promises.get(scenario.promise) !== false);
    }
  }
  await showTables(database);
  promises.set("what left the stock is what was ordered", await database.isStockRight());
  promises.set("there are as many completed records as orders", await database.areRecordsRight());

  heading("Promises");
  for (const [promise, kept] of promises) verdict(promise, kept);
  return [...promises.values()].every((kept) => kept);
}

async function cleanUp(): Promise<void> {
  await server.kill();
  await database?.close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void cleanUp().finally(() => process.exit()));
}

// Every exit is a failure until all promises are known to be kept.
process.exitCode = 1;
try {
  if (await run()) process.exitCode = 0;
  if (process.argv.includes("--serve")) {
    showHowToTry(server.url);
    await server.ended();
  }
} catch (error) {
  failure(error);
} finally {
  await cleanUp();
}
