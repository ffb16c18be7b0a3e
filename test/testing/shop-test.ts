/** What the tests of other runners have in common: a mutation that is right, and one that mails in its handler. */
import { expectExactlyOnce } from "../../src/testing/index.ts";
import { type ClientTarget, connect } from "../support/clients.ts";
import { broken, right, type Shop } from "./mutations.ts";

export async function openShopTest() {
  const { TARGET = "{}" } = process.env;
  const prisma = await connect(JSON.parse(TARGET) as ClientTarget);
  const shop: Shop = { prisma, mails: [], counted: 0 };
  const observe = async () => ({ orders: await prisma.order.count(), mails: shop.mails });
  return {
    close: () => prisma.$disconnect(),
    expectRight: () => expectExactlyOnce(right["two writes through tx"]!(shop), { observe, settleMs: 1 }),
    expectBroken: () =>
      expectExactlyOnce(broken["a mail in the handler"]!.mutation(shop), { observe, settleMs: 1 }),
  };
}
