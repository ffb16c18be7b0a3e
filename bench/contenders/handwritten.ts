import type { Client } from "../databases/database.ts";
import { type Placed, place } from "../shop.ts";
import { type Contender, InProgress, placeAlone, running } from "./contender.ts";

interface Found {
  readonly status: string;
  readonly response: string | null;
}

const isTaken = (error: unknown) => (error as { readonly code?: unknown }).code === "P2002";

function answerIn({ status, response }: Found): Placed {
  if (status !== "completed" || response === null) throw new InProgress("409");
  return JSON.parse(response) as Placed;
}

/** The table of keys that people copy: look, insert, run, update; each commits by itself. */
export const handwritten: Contender = {
  name: "handwritten",
  title: "hand-written table",
  replays: true,
  needs: undefined,
  databases: "all",
  open: async ({ prisma }) =>
    running(async (key, work) => {
      const found = await prisma.handwrittenKey.findUnique({ where: { key } });
      if (found !== null) return answerIn(found);
      try {
        await prisma.handwrittenKey.create({ data: { key, status: "started" } });
      } catch (error) {
        throw isTaken(error) ? new InProgress("409") : error;
      }
      const placed = await placeAlone(prisma, key, work);
      const data = { status: "completed", response: JSON.stringify(placed) };
      await prisma.handwrittenKey.update({ where: { key }, data });
      return placed;
    }),
};

/** The same in one transaction. A duplicate waits for the unique key, fails by it, and reads the answer. */
export const handwrittenTx: Contender = {
  name: "handwritten-tx",
  title: "hand-written, one transaction",
  replays: true,
  needs: undefined,
  databases: "all",
  open: async ({ prisma }) =>
    running(async (key, work) => {
      let placed: Placed;
      try {
        placed = await prisma.$transaction(async (tx) => {
          const found = await tx.handwrittenKey.findUnique({ where: { key } });
          if (found !== null) return answerIn(found);
          await tx.handwrittenKey.create({ data: { key, status: "started" } });
          const made = await place(tx, key, work);
          const data = { status: "completed", response: JSON.stringify(made) };
          await tx.handwrittenKey.update({ where: { key }, data });
          return made;
        });
      } catch (error) {
        if (isTaken(error)) return readAnswer(prisma, key);
        throw error;
      }
      await work.committed?.();
      return placed;
    }),
};

async function readAnswer(prisma: Client, key: string): Promise<Placed> {
  return answerIn(await prisma.handwrittenKey.findUniqueOrThrow({ where: { key } }));
}
