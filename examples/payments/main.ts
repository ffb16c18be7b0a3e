/**
 * Orders from an application that is killed, with a payment service that fails at random. In the end, each order has been
 * charged once; exit code 1 if not.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { createClient } from "@libsql/client";
import { openService } from "./service.ts";

const WAIT_MS = 60_000;

const folder = mkdtempSync(join(tmpdir(), "onceonly-payments-"));
const url = pathToFileURL(join(folder, "payments.db")).href;
const database = createClient({ url });
const service = await openService({ failureRate: 0.3, delayMsMax: 100 });
const children = new Set<ChildProcess>();

interface Customer {
  name: string;
  key: string;
}

/** What `prisma migrate` does in an application. */
async function createTables(): Promise<void> {
  const sql = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
  await database.executeMultiple(`PRAGMA journal_mode = WAL;\n${sql("./schema.sql")}`);
  await database.executeMultiple(sql("../../prisma/sqlite/idempotency.sql"));
}

async function start(script: "server.ts" | "completer.ts"): Promise<{ url: string; child: ChildProcess }> {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), {
    env: { ...process.env, DATABASE_URL: url, SERVICE_URL: service.url },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  children.add(child);
  child.on("message", (message: { failed?: string }) => {
    if (message.failed !== undefined) say("completer", message.failed);
  });
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  return { url: `http://127.0.0.1:${port}`, child };
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
  children.delete(child);
}

function say(who: string, text: string): void {
  console.log(`   ${who.padEnd(10)} ${text}`);
}

interface Answer {
  text: string;
  isDone: boolean;
}

/** One request. The client cannot know what became of it, unless it is answered. */
async function order(server: string, { name, key }: Customer): Promise<Answer> {
  const headers = { "Content-Type": "application/json", "Idempotency-Key": `"${key}"`, "X-User": name };
  const body = JSON.stringify({ item: "tea", totalCents: 450 });
  try {
    const response = await fetch(`${server}/placeOrder`, { method: "POST", headers, body });
    const { result, error } = (await response.json()) as {
      result?: { data: { id: number; chargeId: string; shipmentId: string } };
      error?: { message: string };
    };
    if (result === undefined) return { text: `${response.status} ${error?.message}`, isDone: false };
    const { id, chargeId, shipmentId } = result.data;
    const replayed = response.headers.get("idempotent-replayed") === "true" ? ", replayed" : "";
    return { text: `order ${id}, ${chargeId}, ${shipmentId}${replayed}`, isDone: true };
  } catch {
    return { text: "no answer", isDone: false };
  }
}

async function orderUntilAnswered(server: string, customer: Customer): Promise<void> {
  for (;;) {
    const { text, isDone } = await order(server, customer);
    say(customer.name, text);
    if (isDone) return;
    await sleep(100);
  }
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + WAIT_MS; !(await isSo()); await sleep(5)) {
    if (performance.now() > end) throw new Error(`${what} did not happen within ${WAIT_MS} ms`);
  }
}

async function count(sql: string): Promise<number> {
  const { rows } = await database.execute(sql);
  return Number(rows[0]?.["n"]);
}

const customersOf = (names: string): Customer[] =>
  names.split(" ").map((name) => ({ name, key: `${name}-1` }));

async function run(): Promise<boolean> {
  await createTables();

  console.log(
    "\n1. Five customers order. The payment service fails at random; each retries with the same key.\n",
  );
  const first = await start("server.ts");
  const patient = customersOf("ada bob cleo dan eve");
  await Promise.all(patient.map((customer) => orderUntilAnswered(first.url, customer)));

  console.log("\n2. Five more order. When two of them are charged, the application is killed (kill -9).\n");
  const before = service.effects.length;
  const gone = customersOf("fay gus hal ivy jon");
  const asked = Promise.all(
    gone.map(async (customer) => say(customer.name, (await order(first.url, customer)).text)),
  );
  await until("a second charge", () => service.effects.length >= before + 2);
  await kill(first.child);
  await asked;
  const half = await count("SELECT count(*) AS n FROM idempotency_record WHERE status = 'in_progress'");
  say("database", `${half} of them are half-done; their customers do not come back`);

  console.log("\n3. A completer finds them once their leases have run out, and brings them to their end.\n");
  const completer = await start("completer.ts");
  const left = () => count("SELECT count(*) AS n FROM idempotency_record WHERE status <> 'completed'");
  await until("the end of all orders", async () => (await left()) === 0);
  say("database", "none is left");
  await kill(completer.child);

  console.log(
    "\n4. The customers come back after all, with the same keys, to the application started anew.\n",
  );
  const second = await start("server.ts");
  for (const customer of [...patient, ...gone]) await orderUntilAnswered(second.url, customer);

  const orders = await count('SELECT count(*) AS n FROM "Order"');
  const madeBy = (kind: string) => service.effects.filter((effect) => effect.kind === kind).length;
  const [charges, shipments] = [madeBy("charges"), madeBy("shipments")];
  const wanted = patient.length + gone.length;
  console.log(`\n${wanted} customers, ${service.requests} requests to the payment service:`);
  console.log(`${orders} orders, ${charges} charges, ${shipments} shipments\n`);
  return [orders, charges, shipments].every((n) => n === wanted);
}

// Every exit is a failure until all is known to be right.
process.exitCode = 1;
try {
  if (await run()) process.exitCode = 0;
} finally {
  await Promise.all([...children].map(kill));
  database.close();
  await service[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
