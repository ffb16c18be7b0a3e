import { connect } from "../test/support/clients.ts";
import { createIdempotency } from "../src/index.ts";
const [url, kind, seconds, conc, batch, pause] = process.argv.slice(2) as string[];
const prisma = await connect({ provider: process.env.PROV as never ?? "postgresql", url: url! }, { max: 10 });
const idem = createIdempotency({ prisma });
await idem.list({limit:1});
process.send!("ready");
await new Promise((r) => process.once("message", r));
if (kind === "load") {
  const lat: number[] = []; let n = 0; const end = performance.now() + Number(seconds) * 1000;
  await Promise.all(Array.from({ length: Number(conc) }, async () => {
    while (performance.now() < end) {
      const b = performance.now();
      await idem.run({ operation: "orders.place", scope: "u", key: `${process.pid}-${Date.now()}-${n++}` }, ({ tx }) => tx.order.create({ data: { key: "k", customer: "u", item: "b", quantity: 1, total: "1.5", big: 1n } as never }));
      lat.push(performance.now() - b);
    }
  }));
  lat.sort((a, b) => a - b);
  process.send!({ n: lat.length, p50: lat[Math.floor(lat.length * 0.5)], p99: lat[Math.floor(lat.length * 0.99)], max: lat.at(-1) });
} else {
  const b = performance.now();
  let deleted = 0; const d: number[] = [];
  const stop = performance.now() + Number(seconds) * 1000;
  const size = Number(batch);
  while (performance.now() < stop) {
    const t = performance.now();
    const c = new AbortController();
    let calls = 0;
    const got = await idem.prune({ batchSize: size, signal: { get aborted() { return calls++ > 0; } } as never });
    d.push(performance.now() - t);
    deleted += got;
    if (got === 0) break;
    if (Number(pause) > 0) await new Promise((r) => setTimeout(r, (performance.now() - t) * Number(pause)));
  }
  d.sort((a, b) => a - b);
  process.send!({ deleted, ms: performance.now() - b, batches: d.length, p50: d[Math.floor(d.length / 2)], max: d.at(-1) });
}
process.exit(0);
