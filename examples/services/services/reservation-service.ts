import type { Reservation } from "../generated/client.ts";
import { prisma } from "../lib/prisma.ts";
import { addToOutbox } from "../repositories/outbox-repository.ts";
import { createReservation } from "../repositories/reservation-repository.ts";
import { takeSeats } from "../repositories/show-repository.ts";
import { chargeFor } from "./billing-service.ts";

export interface ReservationRequest {
  readonly reference: string;
  readonly showId: string;
  readonly seats: number;
}

export class SoldOut extends Error {
  override readonly name = "SoldOut";
}

/** Three parts, of which the first two have a transaction each. In an idempotent handler, all three share one. */
export async function reserve(customerId: string, request: ReservationRequest): Promise<Reservation> {
  const { showId, seats } = request;
  const reservation = await prisma.$transaction(async (tx) => {
    if (!(await takeSeats(showId, seats, tx))) throw new SoldOut("There are not as many free seats.");
    return createReservation({ ...request, customerId }, tx);
  });
  await addToOutbox("reservation.made", String(reservation.id));
  await chargeFor(reservation);
  return reservation;
}
