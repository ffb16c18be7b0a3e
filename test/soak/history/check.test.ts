/** The check of a history finds each kind of lie, and nothing in one that is true. */
import { describe, expect, it } from "vitest";
import type { Told } from "../told.ts";
import { check, type Effect, type Order, type Stored } from "./check.ts";

const receipt = { orderId: "1", by: "p0", quantity: 2 };
const order: Order = { intent: "a", item: "place", ...receipt };
const told: Told = {
  intent: "a",
  key: "k",
  kind: "place",
  via: "http",
  quantity: 2,
  isSoldOut: false,
  answers: [{ receipt, replayed: false }],
};
const soldOut: Told = { ...told, isSoldOut: true, answers: [{ soldOut: true }] };
const paid: Told = { ...told, kind: "pay" };
const shipped: Told = { ...told, kind: "ship", via: "rabbitmq", answers: [] };

const effect = (kind: string, id: string): Effect => ({ kind, id, body: { reference: "a" } });
const charge = effect("charges", "c1");
const booked: Order = { ...order, item: "c1" };

const record = { key: "k", status: "completed" };
const STORED: Stored = { orders: [order], halves: 0, taken: 2, records: [record] };
const EMPTY: Stored = { orders: [], halves: 0, taken: 0, records: [{ ...record, status: "failed" }] };

const violationsOf = async (
  lines: readonly Told[],
  stored: Stored = STORED,
  outside: readonly Effect[] = [],
) => (await check(lines, stored, outside)).violations;

describe("the check of a history", () => {
  it.each<[string, Told[], Stored?, Effect[]?]>([
    ["one answer", [told]],
    ["an answer and its replays", [told, { ...told, answers: [{ receipt, replayed: true }, { receipt }] }]],
    ["an expected error", [soldOut], EMPTY],
    ["a charge that is booked", [paid], { ...STORED, orders: [booked] }, [charge]],
    ["a message", [shipped]],
    ["another input that is refused", [{ ...told, reuse: { denied: "422: no" } }]],
  ])("finds nothing in %s", async (_, lines, stored, outside) => {
    expect(await violationsOf(lines, stored, outside)).toEqual([]);
  });

  it.each<[string, Told[], Stored?, Effect[]?]>([
    ["executed twice", [told], { ...STORED, orders: [order, { ...order, orderId: "2" }], taken: 4 }],
    ["acknowledged, and not there", [told], EMPTY],
    ["acknowledged, and not there", [shipped], EMPTY],
    ["answers differ", [told, { ...told, answers: [{ receipt: { ...receipt, by: "p1" } }] }]],
    ["answers differ", [told, { ...told, isSoldOut: true, answers: [{ soldOut: true }] }]],
    ["answer of another execution", [{ ...told, answers: [{ receipt: { ...receipt, orderId: "9" } }] }]],
    ["answer to another input", [{ ...told, quantity: 3 }]],
    ["sold out without reason", [{ ...soldOut, isSoldOut: false }], EMPTY],
    ["a failure left its writes", [soldOut]],
    ["denied", [{ ...told, answers: [{ denied: "500: no retry helps" }] }]],
    ["never answered", [{ ...told, answers: [] }]],
    ["told twice that it was executed now", [told, told]],
    ["key reused", [{ ...told, reuse: { receipt } }]],
    ["executed without being asked for", [], STORED],
    ["charged twice", [paid], { ...STORED, orders: [booked] }, [effect("charges", "c0"), charge]],
    ["charged, and not booked", [soldOut], EMPTY, [charge]],
    ["booked under another charge", [paid], STORED, [charge]],
    ["afterCommit called twice", [told], STORED, [effect("committed", "1"), effect("committed", "2")]],
    ["half of a transaction is there", [told], { ...STORED, halves: 1 }],
    ["stocks and orders differ", [told], { ...STORED, taken: 0 }],
    ["no record", [told], { ...STORED, records: [] }],
    ["a record that nobody asked for, or a second one", [told], { ...STORED, records: [record, record] }],
    ["a record without an end", [told], { ...STORED, records: [{ ...record, status: "in_progress" }] }],
  ])("finds: %s", async (rule, lines, stored, outside) => {
    const rules = (await violationsOf(lines, stored, outside)).map((line) => line.split(":")[0]);
    expect(rules).toContain(rule);
  });
});
