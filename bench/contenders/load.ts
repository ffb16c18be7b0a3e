import type { Contender, ContenderName } from "./contender.ts";

/** One of them alone: a child process that is to be killed need not load the packages of all. */
export function loadContender(name: ContenderName): Promise<Contender> {
  return loaders[name]();
}

const loaders: Readonly<Record<ContenderName, () => Promise<Contender>>> = {
  bare: async () => (await import("./bare.ts")).bare,
  raw: async () => (await import("./raw.ts")).raw,
  handwritten: async () => (await import("./handwritten.ts")).handwritten,
  "handwritten-tx": async () => (await import("./handwritten.ts")).handwrittenTx,
  dbos: async () => (await import("./dbos.ts")).dbos,
  "node-idempotency": async () => (await import("./node-idempotency.ts")).nodeIdempotency,
  powertools: async () => (await import("./powertools.ts")).powertools,
  onceonly: async () => (await import("./onceonly.ts")).onceonly,
  "onceonly-lease": async () => (await import("./onceonly.ts")).onceonlyLease,
};
