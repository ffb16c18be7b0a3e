import { DBOS } from "@dbos-inc/dbos-sdk";
import { PrismaDataSource } from "@dbos-inc/prisma-datasource";
import type { Client } from "../databases/database.ts";
import { POOL } from "../databases/database.ts";
import { HookedWorks, type Placed, place, type WorkName } from "../shop.ts";
import type { Contender } from "./contender.ts";

/** The arguments of a workflow are stored, and a hook cannot be. */
const works = new HookedWorks();

/** DBOS is one per process. A data source, too, is registered once: the client behind it may change. */
let client: Client | undefined;
let source: PrismaDataSource<Client> | undefined;
let workflow: ((key: string, name: WorkName) => Promise<Placed>) | undefined;

function registered(): NonNullable<typeof workflow> {
  const made = (source ??= new PrismaDataSource<Client>("bench", () => {
    if (client === undefined) throw new Error("DBOS is not open");
    return client;
  }));
  workflow ??= DBOS.registerWorkflow(
    async (key: string, name: WorkName) => {
      const work = works.of(key, name);
      const placed = await made.runTransaction(() => place(made.client, key, work), { name: "place" });
      await work.committed?.();
      return placed;
    },
    { name: "placeOrder" },
  );
  return workflow;
}

/** A workflow whose one step is a transaction of its Prisma data source; the key is the workflow's id. */
export const dbos: Contender = {
  name: "dbos",
  title: "DBOS with Prisma",
  replays: true,
  needs: undefined,
  databases: ["postgresql"],
  async open({ database, prisma, executor }) {
    client = prisma;
    const placeOrder = registered();
    DBOS.setConfig({
      name: "bench",
      // Beside the application's tables, as its own schema: one server, one fsync for all.
      systemDatabaseUrl: database.url,
      systemDatabasePoolSize: POOL,
      logLevel: "error",
      executorID: executor,
      applicationVersion: "1",
    });
    await DBOS.launch();
    return {
      run(key, work) {
        works.keep(key, work);
        return DBOS.withNextWorkflowID(key, () => placeOrder(key, work.name));
      },
      [Symbol.asyncDispose]: () => DBOS.shutdown(),
    };
  },
};
