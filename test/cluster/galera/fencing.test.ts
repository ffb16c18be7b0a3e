/** A lease that is taken over on one node while its owner, on another, has not heard of that. */
import { describe, expect, it } from "vitest";
import { createPrismaStore } from "../../../src/prisma/create-store.ts";
import { eventually } from "../../support/eventually.ts";
import { sideConnection } from "../../support/mariadb-databases.ts";
import { theCluster } from "./cluster.ts";

const STEP = { id: "r", owner: "first", name: "charge", response: "r" };

const claimOf = (owner: string, leaseMs: number) => ({
  id: "r",
  owner,
  scope: "s",
  operation: "o",
  key: "k",
  fingerprint: "f",
  lockWaitMs: 1_000,
  retentionMs: 600_000,
  leaseMs,
  input: "i",
});

describe.each([
  ["waits for what the others have", {}],
  ["does not wait for it", { pool: { initSql: undefined } }],
])("the owner of a lease that was taken over, whose pool %s", (_, options) => {
  it("is not told that its step is recorded, as who has taken over did not see it", async () => {
    const cluster = await theCluster();
    await using db = await cluster.open(options);
    const [owning, taking] = db.clients.map((client) => createPrismaStore({ prisma: client }).leases);
    expect(await owning?.claim(claimOf("first", 1))).toMatchObject({ state: "claimed" });
    // The pool has met the server.
    expect(await owning?.steps("r")).toEqual([]);

    // Each of the threads that apply what others have committed waits for the table.
    const holding = await sideConnection(db.urls[0] ?? "");
    await holding.query("LOCK TABLES Account READ");
    for (const id of ["a", "b", "c", "d"]) await db.clients[2]?.account.create({ data: { id, balance: 0 } });
    expect(await taking?.claim(claimOf("second", 600_000))).toMatchObject({ state: "claimed", attempt: 2 });
    expect(await taking?.steps("r")).toEqual([]);
    const recording = owning?.recordStep(STEP).then(
      (isRecorded) => ({ isRecorded }),
      (error: unknown) => ({ error }),
    );
    // It has come as far as it can: the owner's node commits nothing before what it has to apply.
    await eventually(async () => {
      const busy = await holding.query(
        `SELECT id FROM information_schema.processlist
         WHERE db = DATABASE() AND command <> 'Sleep' AND id <> CONNECTION_ID() AND time_ms > 100`,
      );
      expect(busy).toHaveLength(1);
    });
    await holding.query("UNLOCK TABLES");
    const end = await recording;
    holding.destroy();

    expect(end).not.toEqual({ isRecorded: true });
    expect(await taking?.steps("r")).toEqual([]);
    expect(await owning?.recordStep(STEP)).toBe(false);
  });
});
