import { describe, expect, test } from "vitest";
import { openService, type Service } from "../../examples/payments/service.ts";
import { httpCompleter } from "../../src/http/index.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { isInTransaction, type LeasePoint } from "../support/lease-points.ts";
import { spawnWorker } from "../support/worker.ts";
import { lapse } from "./helpers.ts";
import type { FromRoute, RouteProcessData } from "./http-process.ts";
import { openRoute, paymentOf, ROUTE_POINTS } from "./http-route.ts";

/** Sends a request for each point to one server, which is killed when each run stands at its point. */
async function killAt(points: readonly LeasePoint[], database: TestDatabase, service: Service) {
  const { provider, url } = database;
  const stops = Object.fromEntries(points.map((point) => [point, point]));
  const data: RouteProcessData = { target: { provider, url }, service: service.url, stops };
  await using victim = spawnWorker<FromRoute>(new URL("http-process.ts", import.meta.url), data);
  const server = await victim.waitFor("listening");
  const lost = points.map((point) => fetch(paymentOf(server.url, point)).catch(() => "no answer"));
  const reached = await Promise.all(points.map(() => victim.waitFor("at")));
  expect(reached.map(({ key }) => key).sort()).toEqual([...points].sort());
  await victim.kill();
  expect(new Set(await Promise.all(lost))).toEqual(new Set(["no answer"]));
  await lapse(database);
}

/** What a client gets that sends its request again, and again. */
async function answersOf({ pay }: ReturnType<typeof openRoute>, point: LeasePoint) {
  const first = await pay(paymentOf("http://test", point));
  const second = await pay(paymentOf("http://test", point));
  const replay = await second.json();
  expect([first.status, second.status]).toEqual([201, 201]);
  expect(second.headers.get("idempotent-replayed")).toBe("true");
  expect(second.headers.get("location")).toBe(first.headers.get("location"));
  expect(replay).toEqual(await first.json());
  return replay as { charge: string; order: string; by: string };
}

async function expectOnce(database: TestDatabase, service: Service, points: readonly LeasePoint[]) {
  const rows = await database.query(`SELECT key FROM "Order" ORDER BY key`);
  const sorted = [...points].sort();
  expect(rows.map(({ key }) => key)).toEqual(sorted);
  expect(service.effects.map(({ body }) => body.reference).sort()).toEqual(sorted);
}

/** SQLite has one transaction at a time: a run that is stopped in one stops all others. */
const batchesOf = ({ provider }: TestDatabase): LeasePoint[][] =>
  provider === "sqlite"
    ? [ROUTE_POINTS.filter((point) => !isInTransaction(point)), ROUTE_POINTS.filter(isInTransaction)]
    : [[...ROUTE_POINTS]];

describe.each(databases)("a leased route killed on $name between any two of its steps", ({ open }) => {
  test("and retried by the client charges once, and answers for ever with the same", async () => {
    await using database = await open();
    await using service = await openService();
    for (const points of batchesOf(database)) await killAt(points, database, service);
    const heir = openRoute({ prisma: database.prisma, by: "heir", service: service.url });
    for (const point of ROUTE_POINTS) {
      const { by } = await answersOf(heir, point);
      expect([point, by]).toEqual([point, point === "after the result is stored" ? "victim" : "heir"]);
    }
    await expectOnce(database, service, ROUTE_POINTS);
  });

  test("and left by the client is brought to its end by a completer, from the stored request", async () => {
    await using database = await open();
    await using service = await openService();
    const claimed = ROUTE_POINTS.slice(1);
    for (const points of batchesOf(database)) {
      await killAt(
        points.filter((point) => claimed.includes(point as never)),
        database,
        service,
      );
    }
    const { idempotency, pay } = openRoute({
      prisma: database.prisma,
      by: "completer",
      service: service.url,
    });
    const errors: unknown[] = [];
    const completer = httpCompleter({ idempotency, handlers: [pay], onError: (error) => errors.push(error) });
    // All but the one whose result is stored.
    expect([await completer.runOnce(), errors]).toEqual([claimed.length - 1, []]);
    await expectOnce(database, service, claimed);

    const late = openRoute({ prisma: database.prisma, by: "late", service: service.url });
    for (const point of claimed) expect((await answersOf(late, point)).by).not.toBe("late");
    await expectOnce(database, service, claimed);
  });
});
