import { describe, expect, test } from "vitest";
import { openService, type Service, type ServiceOptions } from "../../examples/payments/service.ts";
import { lapse } from "../leases/helpers.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { gate } from "../support/gate.ts";
import { spawnWorker } from "../support/worker.ts";
import type { FromServer, ServerData } from "./payments/process.ts";
import { runExample } from "./run-example.ts";
import { createTablesOf } from "./tables.ts";

async function openPayments(open: () => Promise<TestDatabase>, options: ServiceOptions = {}) {
  const database = await open();
  await createTablesOf("payments", database);
  const service = await openService(options);
  return {
    database,
    service,
    async start() {
      const { provider, url } = database;
      const data: ServerData = { target: { provider, url }, service: service.url };
      const server = spawnWorker<FromServer>(new URL("payments/process.ts", import.meta.url), data);
      const { port } = await server.waitFor("listening");
      return Object.assign(server, { url: `http://127.0.0.1:${port}/payments` });
    },
    async [Symbol.asyncDispose]() {
      await service[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

async function pay(
  url: string,
  { key = '"k"', user = "ada", cents = 450 as unknown, signal = undefined as AbortSignal | undefined } = {},
) {
  const headers = {
    "content-type": "application/json",
    ...(key && { "idempotency-key": key }),
    ...(user && { "x-user": user }),
  };
  const body = JSON.stringify({ cents });
  const response = await fetch(url, { method: "POST", headers, body, ...(signal && { signal }) });
  const answered = await response.text();
  return {
    status: response.status,
    replayed: response.headers.get("idempotent-replayed") === "true",
    text: answered,
  };
}

/** What there is for each customer: as many payments as charges and receipts. */
async function expectPaid(database: TestDatabase, service: Service, customers: readonly string[]) {
  const rows = await database.query(`SELECT "customer", "chargeId" FROM "Payment" ORDER BY "customer"`);
  const effects = (kind: string) => service.effects.filter((effect) => effect.kind === kind);
  expect(rows.map(({ customer }) => customer)).toEqual(customers);
  expect(rows.map(({ chargeId }) => String(chargeId)).sort()).toEqual(
    effects("charges")
      .map(({ id }) => id)
      .sort(),
  );
  expect(
    effects("receipts")
      .map(({ body }) => body.reference)
      .sort(),
  ).toEqual(customers.map((who) => `${who}: 450`));
}

describe.each(databases)("the payments example on $name", ({ open }) => {
  test("charges once for a double click, and once more for another customer with the same key", async () => {
    await using payments = await openPayments(open);
    await using server = await payments.start();
    const [one, two] = await Promise.all([pay(server.url), pay(server.url)]);
    expect([one.status, two.status, one.replayed !== two.replayed]).toEqual([201, 201, true]);
    expect(two.text).toBe(one.text);
    expect(await pay(server.url, { user: "bob" })).toMatchObject({ status: 201, replayed: false });
    await expectPaid(payments.database, payments.service, ["ada", "bob"]);
  });

  test("refuses what cannot be charged, and charges nothing", async () => {
    await using payments = await openPayments(open);
    await using server = await payments.start();
    expect((await pay(server.url, { user: "" })).status).toBe(401);
    expect(await pay(server.url, { key: "" })).toMatchObject({
      status: 400,
      text: expect.stringContaining("KEY_MISSING") as string,
    });
    for (const replayed of [false, true]) {
      expect(await pay(server.url, { cents: -5 })).toMatchObject({ status: 422, replayed });
    }
    expect(await pay(server.url)).toMatchObject({
      status: 422,
      text: expect.stringContaining("KEY_REUSED") as string,
    });
    expect(payments.service.requests).toBe(0);
  });

  test("answers the retry of a client that went away while its card was charged", async () => {
    const charged = gate();
    const gone = gate();
    await using payments = await openPayments(open, {
      async onAccepted() {
        charged.open();
        await gone.opened;
      },
    });
    await using server = await payments.start();
    const impatient = new AbortController();
    const lost = pay(server.url, { signal: impatient.signal }).catch(() => "no answer");
    await charged.opened;
    impatient.abort();
    expect(await lost).toBe("no answer");
    gone.open();
    expect(await pay(server.url)).toMatchObject({ status: 201, replayed: true });
    await expectPaid(payments.database, payments.service, ["ada"]);
  });

  test("killed between the charge and its record: the completer of another server finishes, and the retry gets that", async () => {
    const charged = gate();
    let isKilled = false;
    await using payments = await openPayments(open, {
      async onAccepted() {
        charged.open();
        if (!isKilled) await new Promise(() => {});
      },
    });
    const { database, service } = payments;
    await using victim = await payments.start();
    const lost = pay(victim.url).catch(() => "no answer");
    await charged.opened;
    await victim.kill();
    isKilled = true;
    expect(await lost).toBe("no answer");
    await lapse(database);

    await using heir = await payments.start();
    const statuses = () => database.query("SELECT status FROM idempotency_record");
    await expect.poll(statuses).toEqual([{ status: "completed" }]);
    await expectPaid(database, service, ["ada"]);
    expect(await pay(heir.url)).toMatchObject({ status: 201, replayed: true });
    await expectPaid(database, service, ["ada"]);
  });

  test("stopped by SIGTERM during a payment, it answers that before it ends", async () => {
    const charged = gate();
    const stopped = gate();
    await using payments = await openPayments(open, {
      async onAccepted() {
        charged.open();
        await stopped.opened;
      },
    });
    await using server = await payments.start();
    const answer = pay(server.url);
    await charged.opened;
    process.kill(server.pid, "SIGTERM");
    // It takes no more connections before the one under way is answered.
    const isRefused = () =>
      fetch(server.url).then(
        () => false,
        () => true,
      );
    await expect.poll(isRefused).toBe(true);
    stopped.open();
    expect((await answer).status).toBe(201);
    expect(await server.exited).toEqual({ code: 0, signal: null });
    await expectPaid(payments.database, payments.service, ["ada"]);
  });
});

test("the payments example ends with as many payments as charges, and leaves nothing behind", async () => {
  const { exitCode, output, left } = await runExample("payments");
  expect(output).toContain("10 payments, 10 charges, 10 receipts");
  expect(output).toContain("no answer");
  expect(exitCode).toBe(0);
  expect(left).toEqual([]);
});
