/** A process of the application: calls a contender as often as it can, when it is told to. */
import { parentPort } from "../../test/support/worker.ts";
import { collect } from "../collect.ts";
import type { ContenderName, Environment, OpenContender } from "../contenders/contender.ts";
import { loadContender } from "../contenders/load.ts";
import { databases } from "../databases/index.ts";
import { type Sample, sample } from "../load.ts";
import { workOf } from "../shop.ts";

export interface LoadChildData {
  database: string;
  url: string;
  namedStatements: boolean;
  contenders: readonly ContenderName[];
}

/** The keys are fresh: `keys`, and what no other process has behind it. */
export type LoadChildDown = {
  type: "run";
  contender: ContenderName;
  keys: string;
  concurrency: number;
  seconds: number;
};

export type LoadChildUp =
  | { type: "ready"; node: string }
  | { type: "done"; sample: Sample /** How many were used. */; keys: number };

const port = await parentPort<LoadChildData, LoadChildUp, LoadChildDown>();
const { database, url, namedStatements, contenders } = port.data;
const kind = databases.find(({ name }) => name === database);
if (kind === undefined) throw new Error(`nothing known of ${database}`);
const environment: Environment = {
  database: { name: kind.name, url },
  prisma: await kind.connect(url, { namedStatements }),
  raw: await kind.connectRaw(url),
  redis: undefined,
  executor: `load ${process.pid}`,
};
const open = new Map<ContenderName, OpenContender>();
for (const name of contenders) open.set(name, await (await loadContender(name)).open(environment));
port.send({ type: "ready", node: process.version });

let used = 0;
for (;;) {
  const { contender, keys, concurrency, seconds } = await port.waitFor("run");
  const opened = open.get(contender);
  if (opened === undefined) throw new Error(`${contender} is not open`);
  const before = used;
  const taken = await sample(concurrency, seconds, () => {
    used += 1;
    return opened.run(`${keys}:${process.pid}:${used}`, workOf("one"));
  });
  // Before the answer, so that it takes no time of the next turn.
  await collect();
  port.send({ type: "done", sample: taken, keys: used - before });
}
