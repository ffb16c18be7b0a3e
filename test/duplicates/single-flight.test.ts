import { describe, expect, test } from "vitest";
import { type Flight, SingleFlight } from "../../src/core/duplicates/single-flight.ts";
import { timersSet } from "../support/timers.ts";

/** What a leader publishes that leaves no record. */
const nothing = () => undefined;

const tick = () => new Promise<void>((resolve) => setImmediate(resolve));

function gate() {
  let open!: () => void;
  let fail!: (error: Error) => void;
  const passed = new Promise<void>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { passed, open, fail };
}

function flightOf<T>(flights: SingleFlight<T>, id: string): Flight<T> {
  const flight = flights.get(id);
  if (flight === undefined) throw new Error(`no flight of ${id}`);
  return flight;
}

describe("SingleFlight", () => {
  test("shows a flight from the call of lead to its end, and to its id alone", async () => {
    const flights = new SingleFlight<string>();
    const { passed, open } = gate();
    expect(flights.get("a")).toBeUndefined();
    const led = flights.lead("a", () => passed, nothing);
    expect(flights.get("a")).toBeDefined();
    expect(flights.get("b")).toBeUndefined();
    open();
    await led;
    expect(flights.get("a")).toBeUndefined();
  });

  test("gives every waiter what was published, and the leader what its work returned", async () => {
    const flights = new SingleFlight<string>();
    const { passed, open } = gate();
    const led = flights.lead(
      "a",
      () => passed.then(() => "own"),
      () => "record",
    );
    const flight = flightOf(flights, "a");
    const waiters = [flight.wait(5_000), flight.wait(5_000)];
    expect(flight.waiterCount).toBe(2);
    open();
    expect(await led).toBe("own");
    expect(await Promise.all(waiters)).toEqual(["record", "record"]);
    expect(flight.waiterCount).toBe(0);
  });

  test("publishes nothing before the work has ended", async () => {
    const flights = new SingleFlight<string>();
    const { passed, open } = gate();
    const led = flights.lead(
      "a",
      () => passed,
      () => "late",
    );
    let seen: string | undefined;
    const waiter = flightOf(flights, "a")
      .wait(5_000)
      .then((result) => (seen = result));
    await tick();
    expect(seen).toBeUndefined();
    open();
    await Promise.all([led, waiter]);
    expect(seen).toBe("late");
  });

  test("releases the waiters of a failed leader, who alone gets the error", async () => {
    const flights = new SingleFlight<string>();
    const { passed, fail } = gate();
    const led = flights.lead("a", () => passed, nothing);
    const waiter = flightOf(flights, "a").wait(5_000);
    fail(new Error("broken"));
    await expect(led).rejects.toThrow("broken");
    expect(await waiter).toBe("released");
    expect(flights.get("a")).toBeUndefined();
  });

  test("releases the waiters of a leader that failed after publishing nothing, synchronously", async () => {
    const flights = new SingleFlight<string>();
    await expect(
      flights.lead(
        "a",
        () => {
          throw new Error("at once");
        },
        nothing,
      ),
    ).rejects.toThrow("at once");
    expect(flights.get("a")).toBeUndefined();
  });

  test("is free for the next leader before a released waiter looks", async () => {
    const flights = new SingleFlight<string>();
    const { passed, open } = gate();
    const led = flights.lead("a", () => passed, nothing);
    const leaders: number[] = [];
    const waiters = [1, 2, 3].map(async (name) => {
      const result = await flightOf(flights, "a").wait(5_000);
      expect(result).toBe("released");
      if (flights.get("a") === undefined) {
        await flights.lead("a", async () => leaders.push(name), nothing);
      }
    });
    open();
    await Promise.all([led, ...waiters]);
    expect(leaders[0]).toBe(1);
  });

  test("lets a waiter go when its time is up, and counts it no longer", async () => {
    const flights = new SingleFlight<string>();
    const { passed, open } = gate();
    const led = flights.lead("a", () => passed, nothing);
    const flight = flightOf(flights, "a");
    expect(await flight.wait(10)).toBe("timeout");
    expect(flight.waiterCount).toBe(0);
    open();
    await led;
  });

  test("keeps no timer behind: a process can end after the last flight", async () => {
    const flights = new SingleFlight<string>();
    const { passed, open } = gate();
    const led = flights.lead("a", () => passed, nothing);
    const before = timersSet();
    const waiter = flightOf(flights, "a").wait(60_000);
    expect(timersSet()).toBe(before + 1);
    open();
    await Promise.all([led, waiter]);
    expect(timersSet()).toBe(before);
  });
});
