import { describe, expect, it, vi } from "vitest";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { withAmbientTransaction } from "../../src/prisma/ambient/ambient.ts";
import { account, accountIds, application, Undo, undo } from "../ambient/support.ts";
import { databases } from "../support/database.ts";
import { request, warningsDuring } from "../support/runs.ts";

describe.each(databases)("two copies of the package on $name", ({ name, open }) => {
  it("send no statement in a transaction that it was not made for", async () => {
    await using database = await open();
    vi.resetModules();
    const copy = await import("../../src/prisma/ambient/ambient.ts");
    const { prisma, idempotency } = application(database.prisma);
    const again = copy.withAmbientTransaction(await database.connect());
    const others = createIdempotency({ prisma: again, guard: "off" });
    const left: PromiseLike<unknown>[] = [];
    await idempotency.run(request("k"), async () => void left.push(prisma.account.create(account("a"))));
    const batch = others.run(request("l"), async () => again.$transaction(left as never));
    await expect(batch).rejects.toMatchObject({ name: "TransactionOverError" });
    expect(await accountIds(database)).toEqual([]);
  });

  it("in one process, as after a reload of modules, find each other's transactions", async () => {
    await using database = await open();
    vi.resetModules();
    const again = await import("../../src/prisma/ambient/ambient.ts");
    expect(again.withAmbientTransaction).not.toBe(withAmbientTransaction);
    const prisma = again.withAmbientTransaction(database.prisma);
    expect(withAmbientTransaction(prisma)).toBe(prisma);
    const idempotency = createIdempotency({ prisma, guard: "warn" });
    const write = async () => void (await database.prisma.account.create(account("a")));
    // One guard for both: it tells once, and takes the mode that either is given.
    if (name === "postgresql") {
      expect(await warningsDuring(() => idempotency.run(request("l"), write))).toHaveLength(1);
      await database.prisma.account.deleteMany();
    }
    again.withAmbientTransaction(database.prisma, { guard: "throw" });
    await expect(idempotency.run(request("m"), write)).rejects.toThrow("writes outside of its transaction");
    const undone = idempotency.run(request("k"), async () => {
      await prisma.account.create(account("a"));
      return undo();
    });
    await expect(undone).rejects.toBeInstanceOf(Undo);
    expect(await accountIds(database)).toEqual([]);
  });

  it("and over two databases, keep each other's handlers apart", async () => {
    await using database = await open();
    await using elsewhere = await open();
    vi.resetModules();
    const copy = await import("../../src/create-idempotency.ts");
    const prisma = withAmbientTransaction(database.prisma);
    const inner = copy.createIdempotency({ prisma: elsewhere.prisma });
    await createIdempotency({ prisma, guard: "throw" }).run(request("k"), async () => {
      await inner.run(request("l"), async ({ tx }) => {
        await tx.account.create(account("there"));
        await prisma.$transaction([prisma.account.create(account("here"))]);
      });
    });
    expect(await accountIds(database)).toEqual(["here"]);
    expect(await accountIds(elsewhere)).toEqual(["there"]);
  });
});
