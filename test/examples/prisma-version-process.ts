/** Says which Prisma the examples get in a process, and which SQLite; started as they are, it asks a process of its own too. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { createClient } from "@libsql/client";
import * as payments from "../../examples/payments/generated/client.ts";
import * as saas from "../../examples/saas/generated/client.ts";
import * as webhooks from "../../examples/webhooks/generated/client.ts";
import { adapterFor } from "../support/clients.ts";
import * as paymentsOnPostgres from "../support/generated/payments-postgresql/client.ts";

export type Versions = Record<string, string>;
export interface FromVersions {
  type: "versions";
  versions: Versions;
  /** The files of the SQLite libraries that the process has loaded. */
  sqlite: string[];
}

type AnyClient = new (options: object) => { _clientVersion: string };

const clients = { payments, "payments-postgresql": paymentsOnPostgres, saas, webhooks };
const versions: Versions = {};
for (const [name, { PrismaClient }] of Object.entries(clients)) {
  const provider = name.endsWith("postgresql") ? "postgresql" : "sqlite";
  // Opening it needs the adapter and the runtime of the same version.
  const adapter = adapterFor({ provider, url: `${provider}://unused` });
  versions[name] = new (PrismaClient as unknown as AnyClient)({ adapter })._clientVersion;
}

// The examples and the tests open files themselves too.
createClient({ url: ":memory:" }).close();
const { sharedObjects } = process.report.getReport() as unknown as { sharedObjects: string[] };
const sqlite = sharedObjects.filter((file) => /libsql.*\.node$/.test(file));

const found: FromVersions = { type: "versions", versions, sqlite };
if (process.send === undefined) {
  console.log(JSON.stringify(found));
  fork(fileURLToPath(import.meta.url)).on("message", (message: FromVersions) =>
    console.log(JSON.stringify(message)),
  );
} else process.send(found);
