import { describe, expect, test } from "vitest";
import { databases } from "../support/database.ts";
import { leasing, paying, recordOf } from "./helpers.ts";

const input = { card: "4242-4242" };

describe.each(databases)("the input of a run on $name", ({ open }) => {
  test("is in the record with storeInput only, of a leased run, and nowhere else", async () => {
    await using db = await open();
    const plain = leasing(db.prisma);
    const storing = leasing(db.prisma, { storeInput: true });
    await plain.run(paying("run", { input }), async () => "ran");
    await plain.runLeased(paying("leased", { input }), async () => "ran");
    await storing.run(paying("storing run", { input }), async () => "ran");
    await storing.runLeased(paying("stored", { input }), async () => "ran");
    for (const key of ["run", "leased", "storing run"]) {
      expect(JSON.stringify(await recordOf(db, key))).not.toContain("4242-4242");
    }
    const { input: stored, ...rest } = await recordOf(db, "stored");
    expect(stored).toContain("4242-4242");
    expect(JSON.stringify(rest)).not.toContain("4242-4242");
  });
});
