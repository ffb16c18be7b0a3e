import type { Reservation } from "../generated/client.ts";
import { prisma } from "../lib/prisma.ts";
import { findShow } from "../repositories/show-repository.ts";

export class CreditExceeded extends Error {
  override readonly name = "CreditExceeded";
}

export async function chargeFor({ id, customerId, showId, seats }: Reservation): Promise<void> {
  const { seatCents } = await findShow(showId);
  const cents = seats * seatCents;
  const [, { creditCents }] = await prisma.$transaction([
    prisma.invoice.create({ data: { reservationId: id, cents } }),
    prisma.customer.update({ where: { id: customerId }, data: { creditCents: { decrement: cents } } }),
  ]);
  if (creditCents < 0) throw new CreditExceeded("Your credit does not cover that.");
}
