import type { BenchDatabase, Client, DatabaseName, RawPool, Servers } from "../databases/database.ts";
import { type Placed, place, type Work } from "../shop.ts";

export type ContenderName =
  | "bare"
  | "raw"
  | "handwritten"
  | "handwritten-tx"
  | "dbos"
  | "node-idempotency"
  | "powertools"
  | "onceonly"
  | "onceonly-lease";

/** Of all that is left in Redis, which is removed at the end. */
export const REDIS_PREFIX = "onceonly-bench";

/** What contenders are opened on: one client of Prisma for all of them, and one pool below it. */
export interface Environment {
  readonly database: Pick<BenchDatabase, "name" | "url">;
  readonly prisma: Client;
  readonly raw: RawPool;
  readonly redis: string | undefined;
  /** Names this process, for those who tell executors apart. */
  readonly executor: string;
}

export interface OpenContender extends AsyncDisposable {
  /** The mutation, by the contender's way of having it happen once. */
  run(key: string, work: Work): Promise<Placed>;
}

export interface Contender {
  readonly name: ContenderName;
  /** For tables and plots. */
  readonly title: string;
  /** Whether it recognises a key at all: without that there is nothing to replay. */
  readonly replays: boolean;
  readonly needs: keyof Servers | undefined;
  readonly databases: readonly DatabaseName[] | "all";
  open(environment: Environment): Promise<OpenContender>;
}

/** A contender without anything to close. */
export function running(run: OpenContender["run"]): OpenContender {
  return { run, [Symbol.asyncDispose]: async () => {} };
}

/** The handler of those that give it no transaction, as an application would write it. */
export async function placeAlone(prisma: Client, key: string, work: Work): Promise<Placed> {
  const placed =
    work.name === "one"
      ? await place(prisma, key, work)
      : await prisma.$transaction((tx) => place(tx, key, work));
  await work.committed?.();
  return placed;
}

/** What a contender answers to a duplicate that it does not let wait. */
export class InProgress extends Error {
  override readonly name = "InProgress";
}
