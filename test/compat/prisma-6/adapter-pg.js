/**
 * The adapter, closed without waiting for what it lost. In Prisma 6 a transaction whose COMMIT or ROLLBACK failed
 * never gives its connection back, and closing the client would wait for it for ever.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { PrismaPg as Adapter } from "@prisma/adapter-pg";

export class PrismaPg extends Adapter {
  async connect() {
    const adapter = await super.connect();
    const dispose = adapter.dispose.bind(adapter);
    adapter.dispose = () => Promise.race([dispose(), sleep(500)]);
    return adapter;
  }
}
