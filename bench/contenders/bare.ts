import { place } from "../shop.ts";
import { type Contender, running } from "./contender.ts";

/** An interactive transaction of Prisma and nothing else: the limit for all who go through Prisma. */
export const bare: Contender = {
  name: "bare",
  title: "bare transaction",
  replays: false,
  needs: undefined,
  databases: "all",
  open: async ({ prisma }) =>
    running(async (key, work) => {
      const placed = await prisma.$transaction((tx) => place(tx, key, work));
      await work.committed?.();
      return placed;
    }),
};
