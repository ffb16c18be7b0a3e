/**
 * Tenants, with a filter in the client or a database each. `globex` tries to reach what is `acme`'s.
 * `node --import tsx examples/saas/main.ts`
 */

import type { AnyTRPCRouter } from "@trpc/server";
import { type FetchHandlerRequestOptions, fetchRequestHandler } from "@trpc/server/adapters/fetch";
import { createTablesIn, temporaryDatabase } from "../database/file.ts";

const schema = new URL("./schema.sql", import.meta.url);
const urls = Object.fromEntries(["shared", "acme", "globex"].map((name) => [name, temporaryDatabase()]));
await Promise.all(Object.values(urls).map((url) => createTablesIn(url, schema)));
const { shared = "", ...separate } = urls;
process.env["SHARED_DATABASE_URL"] = shared;
process.env["TENANTS"] = JSON.stringify(separate);

/** Sends a mutation of a tenant, as a browser does, and returns what the tenant sees. */
async function send<TRouter extends AnyTRPCRouter>(
  { router, createContext }: Pick<FetchHandlerRequestOptions<TRouter>, "router" | "createContext">,
  [path, tenant, key, user = "ada"]: [path: string, tenant: string, key: string, user?: string],
): Promise<string> {
  const req = new Request(`http://localhost/trpc/${path}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-tenant": tenant,
      "x-user": user,
      "idempotency-key": `"${key}"`,
    },
    body: JSON.stringify({ project: "rocket" }),
  });
  const options = { endpoint: "/trpc", req, router, createContext } as FetchHandlerRequestOptions<TRouter>;
  const response = await fetchRequestHandler(options);
  const { result, error } = (await response.json()) as {
    result?: { data: string };
    error?: { message: string };
  };
  const replayed = response.headers.get("idempotent-replayed") === "true" ? " (replayed)" : "";
  return `${result?.data ?? error?.message}${replayed}`;
}

const { prisma } = await import("./shared/tenant-client.ts");
const { createContext: createShared, sharedRouter } = await import("./shared/trpc.ts");
const sharedApp = { router: sharedRouter, createContext: createShared };
await prisma.project.create({ data: { id: "rocket", tenant: "acme" } });
const isArchived = async () => (await prisma.project.findUniqueOrThrow({ where: { id: "rocket" } })).archived;

console.log("one database:");
console.log(`  globex archives acme's project: ${await send(sharedApp, ["archive", "globex", "k"])}`);
console.log(`  is it archived? ${await isArchived()}`);
console.log(`  acme, with the same key: ${await send(sharedApp, ["archive", "acme", "k"])}`);
console.log(`  acme, sent again: ${await send(sharedApp, ["archive", "acme", "k"])}`);
console.log(`  is it archived? ${await isArchived()}`);
console.log(`  acme's eu:ada: ${await send(sharedApp, ["archive", "acme", "k", "eu:ada"])}`);
console.log(
  `  ada of acme:eu, with the same key: ${await send(sharedApp, ["archive", "acme:eu", "k", "ada"])}`,
);
console.log(`  nobody of acme: ${await send(sharedApp, ["archive", "acme", "k", ""])}`);

const { tenants } = await import("./separate/tenants.ts");
const { createContext: createSeparate, separateRouter } = await import("./separate/trpc.ts");
const { countRendered, repair } = await import("./separate/render.ts");
const { completers } = await import("./separate/completers.ts");
const separateApp = { router: separateRouter, createContext: createSeparate };

console.log("a database each:");
console.log(`  acme asks for a report: ${await send(separateApp, ["report", "acme", "k"])}`);
repair();
console.log(`  globex, with the same key: ${await send(separateApp, ["report", "globex", "k"])}`);
for (const completer of completers) completer.start();
const { prisma: ofAcme } = tenants.get("acme") ?? {};
while ((await ofAcme?.report.count()) === 0) await new Promise((resolve) => setTimeout(resolve, 100));
await Promise.all(completers.map((completer) => completer.stop()));
console.log(
  `  acme's completer has made it; acme, sent again: ${await send(separateApp, ["report", "acme", "k"])}`,
);
for (const [tenant, { prisma: own }] of tenants) {
  const reports = await own.report.findMany();
  console.log(`  in ${tenant}'s database: ${reports.map(({ file }) => file).join(", ")}`);
}
console.log(`  rendered: ${countRendered()}`);
await Promise.all(
  [prisma, ...[...tenants.values()].map((tenant) => tenant.prisma)].map((c) => c.$disconnect()),
);
