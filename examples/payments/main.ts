/**
 * Payments to an application that is killed, with a provider that fails at random. In the end, each has been charged once;
 * exit code 1 if not.
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
  await database.execute("PRAGMA journal_mode = WAL");
  await database.executeMultiple(sql("./schema.sql"));
  await database.executeMultiple(sql("../../prisma/sqlite/idempotency.sql"));
}

type FromServer = { type: "listening"; port: number } | { type: "failed"; text: string };

async function start(): Promise<{ url: string; child: ChildProcess }> {
  const child = fork(fileURLToPath(new URL("server.ts", import.meta.url)), {
    env: { ...process.env, DATABASE_URL: url, SERVICE_URL: service.url },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  children.add(child);
  return new Promise((resolve) => {
    child.on("message", (message: FromServer) => {
      if (message.type === "failed") say("completer", message.text);
      else resolve({ url: `http://127.0.0.1:${message.port}`, child });
    });
  });
}

/** Returns its exit code, `null` if the signal itself has ended it. */
async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const exited = once(child, "exit") as Promise<[code: number | null]>;
  child.kill(signal);
  children.delete(child);
  return (await exited)[0];
}

function say(who: string, text: string): void {
  console.log(`   ${who.padEnd(10)} ${text}`);
}

interface Answer {
  text: string;
  isDone: boolean;
}

/** One request. The client cannot know what became of it, unless it is answered. */
async function pay(server: string, { name, key }: Customer): Promise<Answer> {
  const headers = { "Content-Type": "application/json", "Idempotency-Key": `"${key}"`, "X-User": name };
  const body = JSON.stringify({ cents: 450 });
  try {
    const response = await fetch(`${server}/payments`, { method: "POST", headers, body });
    if (response.status !== 201) {
      const { error, detail = error } = (await response.json()) as { error?: string; detail?: string };
      return { text: `${response.status} ${detail}`, isDone: false };
    }
    const { id, chargeId, receiptId } = (await response.json()) as Record<string, string | number>;
    const replayed = response.headers.get("idempotent-replayed") === "true" ? ", replayed" : "";
    return { text: `payment ${id}, ${chargeId}, ${receiptId}${replayed}`, isDone: true };
  } catch {
    return { text: "no answer", isDone: false };
  }
}

async function payUntilAnswered(server: string, customer: Customer): Promise<void> {
  for (;;) {
    const { text, isDone } = await pay(server, customer);
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

  console.log("\n1. Five customers pay. The provider fails at random; each retries with the same key.\n");
  const first = await start();
  const patient = customersOf("ada bob cleo dan eve");
  await Promise.all(patient.map((customer) => payUntilAnswered(first.url, customer)));

  console.log("\n2. Five more pay. When two of them are charged, the application is killed (kill -9).\n");
  const before = service.effects.length;
  const gone = customersOf("fay gus hal ivy jon");
  const asked = Promise.all(
    gone.map(async (customer) => say(customer.name, (await pay(first.url, customer)).text)),
  );
  await until("a second charge", () => service.effects.length >= before + 2);
  await end(first.child, "SIGKILL");
  await asked;
  const half = await count("SELECT count(*) AS n FROM idempotency_record WHERE status = 'in_progress'");
  say("database", `${half} payments are half-done; their customers do not come back`);

  console.log(
    "\n3. Started anew, it finds them once their leases have run out, and brings them to their end.\n",
  );
  const second = await start();
  const left = () => count("SELECT count(*) AS n FROM idempotency_record WHERE status <> 'completed'");
  await until("the end of all payments", async () => (await left()) === 0);
  say("database", "none is left");

  console.log(
    "\n4. The customers come back after all, with the same keys. Then the application is stopped (SIGTERM).\n",
  );
  for (const customer of [...patient, ...gone]) await payUntilAnswered(second.url, customer);
  const code = await end(second.child, "SIGTERM");
  say("server", `ended with code ${code}`);

  const payments = await count('SELECT count(*) AS n FROM "Payment"');
  const madeBy = (kind: string) => service.effects.filter((effect) => effect.kind === kind).length;
  const [charges, receipts] = [madeBy("charges"), madeBy("receipts")];
  const wanted = patient.length + gone.length;
  console.log(`\n${wanted} customers, ${service.requests} requests to the provider:`);
  console.log(`${payments} payments, ${charges} charges, ${receipts} receipts\n`);
  return code === 0 && [payments, charges, receipts].every((n) => n === wanted);
}

// Every exit is a failure until all is known to be right.
process.exitCode = 1;
try {
  if (await run()) process.exitCode = 0;
} finally {
  await Promise.all([...children].map((child) => end(child, "SIGKILL")));
  database.close();
  await service[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
