/**
 * A handler, services and repositories that import one client, with transactions of their own.
 * `node --import tsx examples/services/main.ts`
 */
import { createTablesIn, temporaryDatabase } from "../database/file.ts";

const url = (process.env["DATABASE_URL"] ??= temporaryDatabase());
await createTablesIn(url, new URL("./schema.sql", import.meta.url));
const { POST } = await import("./routes/reservations.ts");
const { prisma } = await import("./lib/prisma.ts");

await prisma.customer.createMany({
  data: [
    { id: "ada", creditCents: 10_000 },
    { id: "bob", creditCents: 100 },
  ],
});
await prisma.show.create({ data: { id: "hamlet", seatCents: 1_500, freeSeats: 50 } });

async function send(customer: string, key: string, reference: string): Promise<string> {
  const response = await POST(
    new Request("http://localhost/reservations", {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "x-customer": customer,
        "idempotency-key": `"${key}"`,
      },
      body: JSON.stringify({ reference, showId: "hamlet", seats: 2 }),
    }),
  );
  const replayed = response.headers.get("idempotent-replayed") === "true" ? " (replayed)" : "";
  return `${response.status} ${await response.text()}${replayed}`;
}

console.log(`ada, sent 1: ${await send("ada", "k1", "for two")}`);
console.log(`ada, sent 2: ${await send("ada", "k1", "for two")}`);
console.log(`bob, whose credit is too low, sent 1: ${await send("bob", "k2", "on tick")}`);
console.log(`bob, whose credit is too low, sent 2: ${await send("bob", "k2", "on tick")}`);

const [reservations, invoices, outbox] = await Promise.all([
  prisma.reservation.count(),
  prisma.invoice.count(),
  prisma.outbox.count(),
]);
console.log(`in the database: reservations ${reservations}, invoices ${invoices}, outbox ${outbox}`);
const { freeSeats } = await prisma.show.findUniqueOrThrow({ where: { id: "hamlet" } });
const credits = await prisma.customer.findMany({ orderBy: { id: "asc" } });
const credit = credits.map(({ id, creditCents }) => `${id} ${creditCents}`).join(", ");
console.log(`free seats ${freeSeats}, credit: ${credit}`);
await prisma.$disconnect();
