import type { Prisma, Show } from "../generated/client.ts";
import { prisma } from "../lib/prisma.ts";

type Client = Prisma.TransactionClient;

/** Returns whether there were that many. */
export async function takeSeats(id: string, seats: number, client: Client = prisma): Promise<boolean> {
  const taken = await client.$executeRaw`
    UPDATE "Show" SET "freeSeats" = "freeSeats" - ${seats} WHERE "id" = ${id} AND "freeSeats" >= ${seats}`;
  return taken === 1;
}

export function findShow(id: string, client: Client = prisma): Promise<Show> {
  return client.show.findUniqueOrThrow({ where: { id } });
}
