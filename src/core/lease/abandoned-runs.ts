import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";
import { answeredAtOnce, reasonOf, reasonWithin } from "../contract/callbacks.ts";
import { IdempotencyError } from "../contract/errors/errors.ts";
import type { AbandonedRun, AbandonedRuns, Idempotency, ResumeOptions } from "../contract/idempotency.ts";
import type { Codec } from "../contract/options/codec.ts";
import { type ResolvedRunOptions, resolveOptions } from "../contract/options/options.ts";
import type { AbandonedRecord, Store } from "../contract/store.ts";
import { publish } from "../events/channels.ts";
import { decodedText, encodeStored } from "../outcome/stored-outcome.ts";
import { pastConflicts } from "../retry/past-conflicts.ts";

/** A claim that was made before the run that executes it. */
export interface AdoptedClaim {
  readonly owner: string;
  readonly attempt: number;
  /** Aborted when the completer stops. */
  readonly signal: AbortSignal | undefined;
  /** How long after a failure completers leave the record alone, in milliseconds. */
  readonly retryDelayMs: number;
  /** Called once the outcome is stored. */
  readonly finished: () => void;
}

interface Adoption {
  readonly record: AbandonedRecord;
  readonly idempotency: Idempotency<unknown>;
  readonly claim: AdoptedClaim;
  isTaken: boolean;
}

const adoptions: AsyncLocalStorage<Adoption> = new AsyncLocalStorage();

/** The claim under which the run of `id` must execute here, instead of making its own. It is handed out once. */
export function takeAdoptedClaim(id: string): AdoptedClaim | undefined {
  const adoption = adoptions.getStore();
  if (adoption === undefined || adoption.record.id !== id || adoption.isTaken) {
    return undefined;
  }
  adoption.isTaken = true;
  return adoption.claim;
}

/** What an abandoned run is resumed with: it has no request to take that from. */
export interface ResumedIdentity {
  readonly key: string;
  readonly scope: string;
  /** Where its record is. */
  readonly idempotency: Idempotency<unknown>;
}

/** That of the abandoned run of `operation` that is being resumed here. */
export function resumedIdentity(operation: string): ResumedIdentity | undefined {
  const adoption = adoptions.getStore();
  if (adoption === undefined || adoption.isTaken || adoption.record.operation !== operation) {
    return undefined;
  }
  const { record, idempotency } = adoption;
  return { key: record.key, scope: record.scope, idempotency };
}

/**
 * Claims abandoned runs and has them executed, for completers. They run over `idempotency`, whose options are `base`; their inputs
 * were written by `inputCodec`.
 */
export function abandonedRuns(
  store: Store<unknown>,
  base: ResolvedRunOptions,
  inputCodec: Codec,
  idempotency: () => Idempotency<unknown>,
): AbandonedRuns {
  const claimed = new WeakMap<AbandonedRun, { record: AbandonedRecord; owner: string }>();
  const claimIn = (run: AbandonedRun) => {
    const claim = claimed.get(run);
    if (claim === undefined) {
      throw new TypeError("onceonly: the abandoned run is not one that this object has claimed.");
    }
    return claim;
  };
  return {
    async claim(operations) {
      const owner = randomUUID();
      const { leaseMs, retentionMs } = base;
      const params = { operations, owner, leaseMs, retentionMs };
      const record = await pastConflicts(store, "a completer", () => store.leases.claimAbandoned(params));
      if (record === undefined) {
        return undefined;
      }
      const run = abandonedRun(record, inputCodec);
      claimed.set(run, { record, owner });
      return run;
    },
    resume: (run, work, options) =>
      resume(
        store,
        { ...claimIn(run), retentionMs: base.retentionMs, idempotency: idempotency() },
        work,
        options,
      ),
    async giveUp(run, options) {
      const { record, owner } = claimIn(run);
      const { id, operation, attempt } = record;
      const error = new IdempotencyError(
        "ATTEMPTS_EXHAUSTED",
        `${operation} was given up after ${attempt - 1} attempts, none of which came to an end.`,
        { operation, attempts: attempt - 1 },
      );
      const resolved = resolveOptions(options, base);
      const stored = answeredAtOnce("errors.serialize", resolved.errors.serialize(error));
      const response = encodeStored({ operation, options: resolved }, stored, operation);
      const { retentionMs } = resolved;
      const isGivenUp = await store.leases.complete({ id, owner, status: "failed", response, retentionMs });
      if (isGivenUp) {
        publish("given-up", () => givenUp(record, resolved.eventKeys));
      }
      return isGivenUp;
    },
  };
}

function givenUp({ id, operation, key, scope, attempt }: AbandonedRecord, hasKeys: boolean) {
  const facts = { operation, mode: "lease", id, attempts: attempt - 1 } as const;
  return hasKeys ? { ...facts, key, scope } : facts;
}

function abandonedRun(record: AbandonedRecord, codec: Codec): AbandonedRun {
  const { operation, key, scope, attempt } = record;
  return {
    operation,
    key,
    scope,
    attempt,
    readInput() {
      try {
        return decodedText(codec, record.input);
      } catch (cause) {
        throw new Error(`onceonly: the input of ${operation} cannot be read: ${reasonOf(cause)}.`, { cause });
      }
    },
  };
}

interface Resumed {
  readonly record: AbandonedRecord;
  readonly owner: string;
  readonly retentionMs: number;
  readonly idempotency: Idempotency<unknown>;
}

async function resume(
  store: Store<unknown>,
  { record, owner, retentionMs, idempotency }: Resumed,
  work: () => Promise<unknown>,
  { signal, retryDelayMs }: ResumeOptions,
): Promise<void> {
  let isFinished = false;
  const finished = () => {
    isFinished = true;
  };
  const { id, attempt, operation } = record;
  const adoption: Adoption = {
    record,
    idempotency,
    claim: { owner, attempt, signal, retryDelayMs, finished },
    isTaken: false,
  };
  let cause: unknown;
  try {
    await adoptions.run(adoption, work);
  } catch (error) {
    cause = error;
  }
  if (isFinished) {
    return;
  }
  if (adoption.isTaken) {
    throw cause;
  }
  await store.leases.giveBack({ id, owner, delayMs: retryDelayMs, retentionMs });
  const before = "no leased run of its key, scope and operation was begun";
  // What whoever reads logs looks for comes first.
  const why = cause === undefined ? before : `${reasonWithin(cause).replace(/\.$/, "")} (${before})`;
  throw new Error(`onceonly: ${operation} was not resumed: ${why}.`, { cause });
}
