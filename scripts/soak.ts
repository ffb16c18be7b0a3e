/**
 * Attacks the application for as long as it is told to, and checks what its users were told (docs/reliability.md):
 *
 *     npm run soak -- [--database postgresql] [--minutes 1] [--seed 1] [--servers 3] [--users 32] [--fault-every-ms 1000]
 *
 * Databases: postgresql, mariadb, galera, sqlite. Exit code 1 if a rule was broken.
 */
import { parseArgs } from "node:util";
import { soak } from "../test/soak/soak.ts";

const { values } = parseArgs({
  options: {
    database: { type: "string", default: "postgresql" },
    minutes: { type: "string", default: "1" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    servers: { type: "string", default: "3" },
    users: { type: "string", default: "32" },
    "fault-every-ms": { type: "string", default: "1000" },
  },
});

const numberOf = (name: Exclude<keyof typeof values, "database">): number => {
  const number = Number(values[name]);
  if (values[name] === "" || !(number > 0))
    throw new Error(`--${name} is "${values[name]}"; give a number above 0`);
  return number;
};

const began = Date.now();
const log = (line: string) => console.log(`${Math.round((Date.now() - began) / 1_000)} s  ${line}`);
log(`${values.database}, seed ${values.seed}`);
const report = await soak({
  database: values.database,
  ms: numberOf("minutes") * 60_000,
  seed: numberOf("seed"),
  servers: numberOf("servers"),
  users: numberOf("users"),
  faultEveryMs: numberOf("fault-every-ms"),
  log,
});

const { violations, intents, answers, calls, faults, met, seconds } = report;
const count = Object.values(faults).reduce((sum, n) => sum + n, 0);
console.log(
  `${intents} keys, ${calls} calls, ${answers} answers, ${count} faults in ${Math.round(seconds)} s`,
);
console.log("Faults:", faults);
console.log("Errors that clients repeated their calls after:", met);
for (const line of violations) console.log(`BROKEN  ${line}`);
console.log(`${violations.length} violations`);
process.exit(violations.length > 0 ? 1 : 0);
