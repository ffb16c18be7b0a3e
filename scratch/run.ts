import { fork } from "node:child_process";
import pg from "pg";
import { ddl } from "../test/support/ddl.ts";
const base = "postgresql://oo:pw@127.0.0.1:5432/";
const admin = new pg.Client(base + "postgres"); await admin.connect();
const [batch, pause, conc, rows = "1000000", prunerCount = "2", seconds = "15"] = process.argv.slice(2) as string[];
const name = "scratch_prune";
await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`); await admin.query(`CREATE DATABASE ${name}`);
const db = new pg.Client(base + name); await db.connect();
await db.query(ddl("postgresql", "plain"));
await db.query(`INSERT INTO idempotency_record (id, scope, operation, key, fingerprint, status, owner, attempt, response, created_at, completed_at, expires_at)
 SELECT rtrim(translate(encode(sha256(i::text::bytea), 'base64'), '+/', '-_'), '='), 'u', 'orders.place', gen_random_uuid()::text, repeat('f',43), 'completed', gen_random_uuid()::text, 1, repeat('x', 300), now() - interval '2 days', now() - interval '2 days', now() - interval '1 day' + i * interval '1 microsecond' FROM generate_series(1, ${rows}) AS i`);
await db.query("VACUUM ANALYZE"); await db.query("CHECKPOINT");
const start = async (kind: string, secs: string) => {
  const c = fork(new URL(kind === "load" ? "load.ts" : "load.ts", import.meta.url), [base + name, kind, secs, conc!, batch!, pause!], { execArgv: ["--import", "tsx"] });
  await new Promise((r) => c.once("message", r));
  return { go: () => new Promise<Record<string, number>>((r) => { c.once("message", r as never); c.send("go"); }) };
};
const load = (secs: string) => start("load", secs);
for (const phase of ["without", "with", "without"]) {
  const l = await load(phase === "with" ? seconds : "8");
  const ps = phase === "with" ? await Promise.all(Array.from({ length: Number(prunerCount) }, () => start("prune", String(Number(seconds))))) : [];
  const [got, ...pr] = await Promise.all([l.go(), ...ps.map((p) => p.go())]);
  console.log(phase, JSON.stringify(got), ...pr.map((p) => JSON.stringify(p)));
}
process.exit(0);
