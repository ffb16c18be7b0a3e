/** A ride, booked by a double click: one ride. `node --import tsx examples/programs/ride.ts` */
import { createTables, idempotency, prisma } from "../database/index.ts";

function book(rider: string, key: string, input: { readonly pickup: string; readonly dropoff: string }) {
  return idempotency.run({ operation: "rides.book", key, scope: rider, input }, async ({ tx }) =>
    tx.ride.create({ data: { rider, ...input } }),
  );
}

await createTables();

// The page makes the key when it shows the form, so that both clicks have the same one.
const key = crypto.randomUUID();
const input = { pickup: "Station", dropoff: "Harbour" };
const clicks = await Promise.all([book("ada", key, input), book("ada", key, input)]);
console.log(`both clicks show the same ride: ${clicks[0].value.id === clicks[1].value.id}`);
console.log(`executed: ${clicks.filter(({ replayed }) => !replayed).length}`);

// Another user's key is another key, even if its text is the same.
await book("bob", key, input);
// Using the key again for another ride is a mistake, and not a ride.
await book("ada", key, { ...input, dropoff: "Airport" }).catch((error: { code?: string }) =>
  console.log(`another ride under the same key: ${error.code}`),
);

for (const { rider, pickup, dropoff } of await prisma.ride.findMany({ orderBy: { id: "asc" } })) {
  console.log(`${rider}: ${pickup} - ${dropoff}`);
}
await prisma.$disconnect();
