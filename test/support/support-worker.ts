/** The child of support.test.ts. */
import { type ClientTarget, connect } from "./clients.ts";
import { parentPort } from "./worker.ts";

export type FromWorker = { type: "written" } | { type: "echo"; value: bigint };
export type ToWorker = { type: "ask"; value: bigint } | { type: "fail" };

const port = await parentPort<ClientTarget, FromWorker, ToWorker>();
const prisma = await connect(port.data);

async function writeAndStall(): Promise<void> {
  await prisma.$transaction(async (tx) => {
    const amounts = { quantity: 1, total: 1, big: 1n };
    await tx.order.create({ data: { key: "killed", customer: "c", item: "i", ...amounts } });
    port.send({ type: "written" });
    await port.waitFor("fail");
    throw new Error("told to fail");
  });
}

const { value } = await port.waitFor("ask");
port.send({ type: "echo", value });
await writeAndStall();
