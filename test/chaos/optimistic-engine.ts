/**
 * A database with optimistic concurrency control, in memory: a transaction reads its snapshot, nobody waits for anybody, and COMMIT tells
 * who was first. None that we know can be run here but Galera. A seed decides what each COMMIT answers, and what it has done.
 */
import { setImmediate as turn } from "node:timers/promises";
import type {
  Claim,
  ClaimParams,
  CompleteParams,
  Ending,
  FinishedRecord,
  GiveBackParams,
  LeaseStore,
  Opening,
  RecordedStep,
  RenewParams,
  StepParams,
  Store,
  StoreFault,
  StoreSession,
} from "../../src/core/contract/store.ts";
import type { Random } from "./seeded.ts";

/** What COMMIT answers, and what becomes of it. */
const FATES = [
  "committed",
  "a conflict with others",
  "no answer: committed",
  "no answer: lost",
  "no answer: committed later",
] as const;
type Fate = (typeof FATES)[number];

interface Row {
  readonly id: string;
  readonly fingerprint: string;
  readonly owner: string;
  readonly attempt: number;
  readonly status: "in_progress" | "completed" | "failed";
  readonly response: string;
  readonly lockedUntil: number | null;
  readonly expiresAt: number;
}

export class EngineError extends Error {
  readonly fault: StoreFault;
  constructor(fault: StoreFault) {
    super(fault);
    this.fault = fault;
  }
}

/** What is written under a key, and by which commit. */
interface Version {
  readonly value: unknown;
  readonly commit: number;
}

const isFree = (row: Row, { fingerprint }: ClaimParams, now: number) =>
  (row.lockedUntil === null || row.lockedUntil <= now || row.owner === "") &&
  (row.expiresAt <= now || (row.status === "in_progress" && row.fingerprint === fingerprint));

export class Engine {
  readonly #random: Random;
  readonly #fates: readonly Fate[];
  readonly #data = new Map<string, Version>();
  readonly #late: Transaction[] = [];
  #commits = 0;
  /** How often each fate was met. */
  readonly met = new Map<Fate, number>();

  /** `trouble`: how many of ten commits do not simply succeed. */
  constructor(random: Random, trouble: number) {
    this.#random = random;
    this.#fates = Array.from({ length: 10 }, (_, n) =>
      n < trouble ? (FATES[1 + Math.floor(random.next() * (FATES.length - 1))] as Fate) : "committed",
    );
  }

  begin(): Transaction {
    return new Transaction(new Map(this.#data), this.#commits);
  }

  /** Other work goes on meanwhile, and what was late may arrive. */
  async pass(): Promise<void> {
    for (let turns = Math.floor(this.#random.next() * 4); turns > 0; turns -= 1) {
      await turn();
    }
    if (this.#random.next() < 0.3) this.arrive();
  }

  async commit(transaction: Transaction): Promise<void> {
    await this.pass();
    if (transaction.writes.size === 0) return;
    const fate = this.#fates[Math.floor(this.#random.next() * this.#fates.length)] as Fate;
    this.met.set(fate, (this.met.get(fate) ?? 0) + 1);
    switch (fate) {
      case "committed":
        if (!this.#apply(transaction)) throw new EngineError("write_conflict");
        return;
      case "a conflict with others":
        throw new EngineError("write_conflict");
      case "no answer: committed":
        this.#apply(transaction);
        break;
      case "no answer: committed later":
        this.#late.push(transaction);
        break;
      case "no answer: lost":
    }
    throw new EngineError("unavailable");
  }

  /** One of the commits that are on their way arrives. Returns whether there was one. */
  arrive(): boolean {
    const index = Math.floor(this.#random.next() * this.#late.length);
    const [transaction] = this.#late.splice(index, 1);
    if (transaction !== undefined) this.#apply(transaction);
    return transaction !== undefined;
  }

  /** The first committer wins. */
  #apply({ writes, snapshotAt }: Transaction): boolean {
    for (const key of writes.keys()) {
      if ((this.#data.get(key)?.commit ?? 0) > snapshotAt) return false;
    }
    this.#commits += 1;
    for (const [key, value] of writes) this.#data.set(key, { value, commit: this.#commits });
    return true;
  }

  /** What is committed. */
  read(prefix: string): unknown[] {
    return [...this.#data].filter(([key]) => key.startsWith(prefix)).map(([, { value }]) => value);
  }
}

/** The client that handlers get. */
export class Transaction {
  readonly #snapshot: ReadonlyMap<string, Version>;
  readonly snapshotAt: number;
  writes = new Map<string, unknown>();

  constructor(snapshot: ReadonlyMap<string, Version>, snapshotAt: number) {
    this.#snapshot = snapshot;
    this.snapshotAt = snapshotAt;
  }

  get(key: string): unknown {
    return this.writes.has(key) ? this.writes.get(key) : this.#snapshot.get(key)?.value;
  }

  set(key: string, value: unknown): void {
    this.writes.set(key, value);
  }
}

class Session implements StoreSession<Transaction> {
  readonly #engine: Engine;
  readonly #transaction: Transaction;
  readonly #params: ClaimParams | undefined;

  constructor(engine: Engine, transaction: Transaction, params?: ClaimParams) {
    this.#engine = engine;
    this.#transaction = transaction;
    this.#params = params;
  }

  async claim(): Promise<Claim> {
    await this.#engine.pass();
    const params = this.#params;
    if (params === undefined) throw new Error("nothing to claim");
    const found = this.#row(params.id);
    const now = Date.now();
    if (found !== undefined && !isFree(found, params, now)) {
      const { status, fingerprint, owner, response } = found;
      return status === "in_progress"
        ? { state: "held", fingerprint }
        : { state: "finished", record: { status, fingerprint, owner, response } };
    }
    const attempt = found === undefined || found.expiresAt <= now ? 1 : found.attempt + 1;
    const { id, fingerprint, owner, leaseMs, retentionMs } = params;
    const lockedUntil = leaseMs === null ? null : now + leaseMs;
    const expiresAt = now + retentionMs;
    this.#write({
      id,
      fingerprint,
      owner,
      attempt,
      status: "in_progress",
      response: "",
      lockedUntil,
      expiresAt,
    });
    return { state: "claimed", attempt };
  }

  async runHandler<T>(
    _: unknown,
    work: (clients: { tx: Transaction; join: <C>(client: C) => C }) => Promise<T>,
  ): Promise<T> {
    await this.#engine.pass();
    return work({ tx: this.#transaction, join: (client) => client });
  }

  async faultUnder(): Promise<undefined> {
    return undefined;
  }

  async whyVanished(): Promise<undefined> {
    return undefined;
  }

  async undo(): Promise<void> {
    const claimed = [...this.#transaction.writes].filter(([key]) => key.startsWith("record "));
    this.#transaction.writes = new Map(claimed);
  }

  async complete({ id, owner, status, response }: CompleteParams): Promise<boolean> {
    return this.#change({ id, owner }, { status, response, lockedUntil: null });
  }

  async renew({ id, owner, leaseMs, retentionMs }: RenewParams): Promise<boolean> {
    const lockedUntil = Date.now() + leaseMs;
    return this.#change({ id, owner }, { lockedUntil, expiresAt: lockedUntil + retentionMs });
  }

  async giveBack({ id, owner, delayMs }: GiveBackParams): Promise<boolean> {
    return this.#change({ id, owner }, { owner: "", lockedUntil: Date.now() + delayMs });
  }

  async recordStep({ id, owner, name, response }: StepParams): Promise<boolean> {
    // The row is written as well: who only reads it sees no conflict with whoever takes it over.
    const isHeld = this.#change({ id, owner }, {});
    if (isHeld) this.#transaction.set(`step ${id} ${name}`, { name, response });
    return isHeld;
  }

  async holds({ id, owner }: { id: string; owner: string }): Promise<boolean> {
    const row = this.#row(id);
    return row?.status === "in_progress" && row.owner === owner;
  }

  #change({ id, owner }: { id: string; owner: string }, changes: Partial<Row>): boolean {
    const row = this.#row(id);
    const isHeld = row?.status === "in_progress" && row.owner === owner;
    if (isHeld) this.#write({ ...row, ...changes });
    return isHeld;
  }

  #row(id: string): Row | undefined {
    return this.#transaction.get(`record ${id}`) as Row | undefined;
  }

  #write(row: Row): void {
    this.#transaction.set(`record ${row.id}`, row);
  }
}

/** The store of one process over the engine. */
export function storeOver(engine: Engine): Store<Transaction> {
  const commits = async <T>(work: (session: Session) => Promise<T>, params?: ClaimParams): Promise<T> => {
    const transaction = engine.begin();
    const result = await work(new Session(engine, transaction, params));
    await engine.commit(transaction);
    return result;
  };
  const finished = (id: string): FinishedRecord | undefined => {
    const row = engine.begin().get(`record ${id}`) as Row | undefined;
    return row === undefined || row.status === "in_progress" ? undefined : { ...row, status: row.status };
  };
  const leases: LeaseStore = {
    claim: (params) => commits((session) => session.claim(), params),
    complete: (params) => commits((session) => session.complete(params)),
    renew: (params) => commits((session) => session.renew(params)),
    recordStep: (params) => commits((session) => session.recordStep(params)),
    giveBack: (params) => commits((session) => session.giveBack(params)),
    holds: (params) => commits((session) => session.holds(params)),
    outcomeOf: async (id) => finished(id),
    steps: async (id) => engine.read(`step ${id} `) as RecordedStep[],
    claimAbandoned: async () => undefined,
  };
  return {
    async transaction<T>(opening: Opening, body: (session: Session) => Promise<Ending<T>>): Promise<T> {
      return commits(async (session) => {
        const { value, outcome } = await body(session);
        if (outcome !== undefined && !(await session.complete(outcome))) throw new EngineError("unavailable");
        return value;
      }, opening.claim);
    },
    leases,
    timeoutMs: 5_000,
    conflictsAtCommit: true,
    runningHandler: () => undefined,
    replayable: async (id) => finished(id),
    faultOf: (error) => (error instanceof EngineError ? error.fault : undefined),
    check: async () => [],
    upkeep: undefined as never,
  };
}
