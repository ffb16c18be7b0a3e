/**
 * Payments at a provider whose webhooks arrive at an application that is killed while they do. In the end each payment has been
 * credited once by each endpoint, and the event that can never be handled is put aside; exit code 1 if not.
 * `node --import tsx examples/webhooks/main.ts`
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createClient } from "@libsql/client";
import { createTablesIn, temporaryDatabase } from "../database/file.ts";
import { openProvider } from "./provider.ts";

const PAYMENTS = 10;
/** The application is killed when it has answered so many deliveries, with others under way. */
const killedAfter = [8, 16, 24];

const url = temporaryDatabase();
await createTablesIn(url, new URL("./schema.sql", import.meta.url));
const database = createClient({ url });
await database.execute(`INSERT INTO "Customer" ("id") VALUES ('ada')`);
const provider = await openProvider();

let port = 0;
let kills = 0;
let application = await start();

async function start(): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL("server.ts", import.meta.url)), {
    env: { ...process.env, DATABASE_URL: url, WEBHOOK_SECRET: provider.secret, PORT: String(port) },
  });
  [{ port }] = (await once(child, "message")) as [{ port: number }];
  return child;
}

provider.onAnswer = () => {
  const answered = provider.answers.filter((answer) => answer !== "no answer").length;
  if (application.killed || answered < (killedAfter[0] ?? Infinity)) return;
  killedAfter.shift();
  kills += 1;
  application.once("exit", () => void start().then((child) => (application = child)));
  application.kill("SIGKILL");
};

async function pay(customer: string, cents: number): Promise<void> {
  await fetch(`${provider.url}/payments`, { method: "POST", body: JSON.stringify({ customer, cents }) });
}

async function countOf(sql: string): Promise<number> {
  const { rows } = await database.execute(`SELECT ${sql} AS n`);
  return Number(rows[0]?.["n"]);
}

const endpoint = (name: string) => `http://127.0.0.1:${port}/webhooks/${name}`;

provider.register(endpoint("as-message"));
await pay("nobody", 500);
await provider.delivered();
console.log(
  `put aside: ${await countOf(`(SELECT count(*) FROM "DeadEvent" WHERE "reason" = 'attempts')`)} event`,
);

provider.register(endpoint("as-request"));
await Promise.all(Array.from({ length: PAYMENTS }, () => pay("ada", 500)));
await provider.delivered();

const forged = await fetch(endpoint("as-request"), {
  method: "POST",
  headers: { "webhook-signature": `t=${Math.floor(Date.now() / 1000)},v1=00` },
  body: JSON.stringify({ id: "evt_1", type: "payment.succeeded", data: { customer: "ada", cents: 1 } }),
});
console.log(`a forged event: ${forged.status}`);

const payments = await countOf(`(SELECT count(DISTINCT "payment") FROM "Credit")`);
const credits = await countOf(`(SELECT count(*) FROM "Credit")`);
const cents = await countOf(`(SELECT "cents" FROM "Customer")`);
const lost = provider.answers.filter((answer) => answer === "lost").length;
console.log(`${provider.answers.length} deliveries, ${lost} answers lost, ${kills} kills`);
console.log(`${payments} payments, ${credits} credits by two endpoints, ${cents} cents`);
process.exitCode = payments === PAYMENTS && credits === 2 * PAYMENTS && cents === credits * 500 ? 0 : 1;

application.disconnect();
database.close();
await provider[Symbol.asyncDispose]();
