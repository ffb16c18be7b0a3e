import type { Example } from "./example.ts";

interface Body {
  id?: number;
  error?: string;
}

/** Ada reserves two seats; bob too, but the service that writes last finds that his credit is too low. */
export const services: Example = {
  name: "services",
  clients: {
    sqlite: () => import("../../../examples/services/generated/client.ts"),
    postgresql: () => import("../../support/generated/services-postgresql/client.ts"),
  },
  async load() {
    const { POST } = await import("../../../examples/services/routes/reservations.ts");
    return async (key, fails) => {
      const response = await POST(
        new Request("http://test/reservations", {
          method: "POST",
          headers: {
            "content-type": "application/json",
            "x-customer": fails ? "bob" : "ada",
            "idempotency-key": `"${key}"`,
          },
          body: JSON.stringify({ reference: key, showId: "hamlet", seats: 2 }),
        }),
      );
      const body = (await response.json()) as Body;
      return {
        id: body.id,
        error: body.error,
        replayed: response.headers.get("idempotent-replayed") === "true",
        body,
      };
    };
  },
  seed: [
    `INSERT INTO "Customer" ("id", "creditCents") VALUES ('ada', 1000000), ('bob', 0)`,
    `INSERT INTO "Show" ("id", "seatCents", "freeSeats") VALUES ('hamlet', 1500, 1000)`,
  ],
  executions: `SELECT "id",
      (SELECT sum("cents") FROM "Invoice" WHERE "reservationId" = "Reservation"."id") AS cents,
      (SELECT count(*) FROM "Outbox" WHERE "subject" = CAST("Reservation"."id" AS TEXT)) AS announced
    FROM "Reservation" WHERE "reference" = ?`,
  complete: { cents: 3_000, announced: 1 },
  sums: `SELECT (SELECT count(*) FROM "Reservation") AS reservations,
      (SELECT count(*) FROM "Invoice") AS invoices,
      (SELECT count(*) FROM "Outbox") AS announced,
      (SELECT 1000 - "freeSeats" FROM "Show") AS seats,
      (SELECT 1000000 - sum("creditCents") FROM "Customer") AS cents`,
  share: { reservations: 1, invoices: 1, announced: 1, seats: 2, cents: 3_000 },
  failure: { error: /credit/, records: ["failed"] },
  written: ["Show", "Reservation", "Outbox", "Invoice", "Customer"],
  output: [
    `ada, sent 1: 201 {"id":1,"reference":"for two","customerId":"ada","showId":"hamlet","seats":2}`,
    `ada, sent 2: 201 {"id":1,"reference":"for two","customerId":"ada","showId":"hamlet","seats":2} (replayed)`,
    `bob, whose credit is too low, sent 1: 402 {"error":"Your credit does not cover that."}`,
    `bob, whose credit is too low, sent 2: 402 {"error":"Your credit does not cover that."} (replayed)`,
    "in the database: reservations 1, invoices 1, outbox 1",
    "free seats 48, credit: ada 7000, bob 100",
  ],
};
