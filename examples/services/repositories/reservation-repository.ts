import type { Prisma, Reservation } from "../generated/client.ts";
import { prisma } from "../lib/prisma.ts";

export function createReservation(
  data: Prisma.ReservationUncheckedCreateInput,
  client: Prisma.TransactionClient = prisma,
): Promise<Reservation> {
  return client.reservation.create({ data });
}
