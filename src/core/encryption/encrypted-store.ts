import { answerPlace } from "../contract/options/encryption.ts";
import type {
  AbandonedParams,
  AbandonedRecord,
  Claim,
  ClaimParams,
  CompleteParams,
  Ending,
  FinishedRecord,
  LeaseStore,
  RecordedStep,
  StepParams,
  Store,
  StoreSession,
} from "../contract/store.ts";
import type { StoredRecord, UpkeepStore } from "../contract/upkeep/upkeep-store.ts";
import type { Cipher } from "./cipher.ts";
import { EncryptionError, KeyNotAtHandError } from "./encryption-error.ts";

/**
 * A store that keeps encrypted what runs give it, and decrypts what they read. What cannot be decrypted is handed on as it is stored:
 * no codec decodes it.
 */
export function encryptedStore<TTransaction>(
  store: Store<TTransaction>,
  cipher: Cipher,
): Store<TTransaction> {
  return {
    async transaction(opening, body) {
      // Not while a row is locked, and before anything is executed.
      await cipher.ready();
      const none = new Set<string>();
      for (;;) {
        try {
          return await store.transaction(opening, async (session) =>
            sealedEnding(
              cipher,
              await body(encryptedSession(session, cipher, opening.claim?.id ?? "", none)),
            ),
          );
        } catch (error) {
          if (!(error instanceof KeyNotAtHandError)) {
            throw error;
          }
          // Its connection is free while the key is asked for: a slow key of old records must not hold up fresh ones.
          if (!(await cipher.fetch(error.keyId))) {
            none.add(error.keyId);
          }
        }
      }
    },
    get timeoutMs() {
      return store.timeoutMs;
    },
    get conflictsAtCommit() {
      return store.conflictsAtCommit;
    },
    runningHandler: () => store.runningHandler(),
    replayable: async (id) => openedRecord(cipher, id, await store.replayable(id)),
    get leases() {
      return encryptedLeases(store.leases, cipher);
    },
    faultOf: (error) => (error instanceof EncryptionError ? error.fault : store.faultOf(error)),
    async check(limits) {
      await cipher.ready();
      return store.check({ ...limits, resultBytesMax: sealedBytes(limits.resultBytesMax) });
    },
    get upkeep() {
      return encryptedUpkeep(store.upkeep, cipher);
    },
  };
}

function encryptedSession<TTransaction>(
  session: StoreSession<TTransaction>,
  cipher: Cipher,
  /** Of the record that is claimed. */
  id: string,
  none: ReadonlySet<string>,
): StoreSession<TTransaction> {
  return {
    claim: async () =>
      openedClaim(await session.claim(), ({ response, status }) =>
        cipher.openAtHand(response, answerPlace(id, status), none),
      ),
    runHandler: (handler, work) => session.runHandler(handler, work),
    faultUnder: (error) => session.faultUnder(error),
    whyVanished: () => session.whyVanished(),
    undo: () => session.undo(),
    renew: (params) => session.renew(params),
    recordStep: async (params) => session.recordStep(await sealedStep(cipher, params)),
    holds: (params) => session.holds(params),
  };
}

function encryptedLeases(leases: LeaseStore, cipher: Cipher): LeaseStore {
  return {
    async claim(params) {
      await cipher.ready();
      const { id } = params;
      return openedClaim(await leases.claim(await sealedInput(cipher, params)), ({ response, status }) =>
        cipher.open(response, answerPlace(id, status)),
      );
    },
    complete: async (params) => leases.complete(await sealedOutcome(cipher, params)),
    outcomeOf: async (id) => openedRecord(cipher, id, await leases.outcomeOf(id)),
    steps: async (id) => openedSteps(cipher, id, await leases.steps(id)),
    giveBack: (params) => leases.giveBack(params),
    claimAbandoned: (params) => claimReadable(leases, cipher, params),
    renew: (params) => leases.renew(params),
    recordStep: async (params) => leases.recordStep(await sealedStep(cipher, params)),
    holds: (params) => leases.holds(params),
  };
}

function encryptedUpkeep(upkeep: UpkeepStore, cipher: Cipher): UpkeepStore {
  return {
    prune: (params) => upkeep.prune(params),
    sweep: (params) => upkeep.sweep(params),
    async inspect(id) {
      const record = await upkeep.inspect(id);
      return record && openedStored(cipher, id, record);
    },
    forget: (id) => upkeep.forget(id),
    // Whoever rewrites a text has sealed it.
    rewrite: (params) => upkeep.rewrite(params),
    ids: (after, limit) => upkeep.ids(after, limit),
    list: (params) => upkeep.list(params),
    placeAfter: (after, records) => upkeep.placeAfter(after, records),
    stats: () => upkeep.stats(),
    count: (sinceMs) => upkeep.count(sinceMs),
  };
}

/** How long completers leave a record alone whose input cannot be decrypted, in milliseconds. */
const UNREADABLE_MS = 30_000;

/**
 * Claims an abandoned run whose input can be decrypted. Others are given back as they were: no attempt is used up for want of a key.
 *
 * @throws EncryptionError if there are others only.
 */
async function claimReadable(
  leases: LeaseStore,
  cipher: Cipher,
  params: AbandonedParams,
): Promise<AbandonedRecord | undefined> {
  await cipher.ready();
  let unreadable: { readonly why: unknown } | undefined;
  for (;;) {
    const record = await leases.claimAbandoned(params);
    if (record === undefined) {
      if (unreadable !== undefined) {
        throw unreadable.why;
      }
      return undefined;
    }
    const { id, operation } = record;
    try {
      const input = await cipher.open(record.input, { id, column: "input" });
      if (!cipher.isSealed(input)) {
        return { ...record, input };
      }
      const message = `The stored input of ${operation} cannot be decrypted: its key is missing in option encryption.keys, or it was changed.`;
      unreadable = { why: new EncryptionError("misconfigured", message) };
    } catch (error) {
      unreadable = { why: error };
    }
    const { owner, retentionMs } = params;
    await leases.giveBack({ id, owner, delayMs: UNREADABLE_MS, retentionMs, isUntried: true });
  }
}

async function sealedEnding<T>(cipher: Cipher, ending: Ending<T>): Promise<Ending<T>> {
  return ending.outcome === undefined
    ? ending
    : { ...ending, outcome: await sealedOutcome(cipher, ending.outcome) };
}

async function sealedOutcome(cipher: Cipher, params: CompleteParams): Promise<CompleteParams> {
  const { id, response, status } = params;
  return { ...params, response: await cipher.seal(response, answerPlace(id, status)) };
}

async function sealedStep(cipher: Cipher, params: StepParams): Promise<StepParams> {
  const { id, name, response } = params;
  return { ...params, response: await cipher.seal(response, { id, column: "step", name }) };
}

async function sealedInput(cipher: Cipher, params: ClaimParams): Promise<ClaimParams> {
  const { id, input } = params;
  return input === null ? params : { ...params, input: await cipher.seal(input, { id, column: "input" }) };
}

async function openedClaim(claim: Claim, open: (record: FinishedRecord) => Promise<string>): Promise<Claim> {
  if (claim.state !== "finished") {
    return claim;
  }
  const { record } = claim;
  return { ...claim, record: { ...record, response: await open(record) } };
}

async function openedRecord(
  cipher: Cipher,
  id: string,
  record: FinishedRecord | undefined,
): Promise<FinishedRecord | undefined> {
  return (
    record && { ...record, response: await cipher.open(record.response, answerPlace(id, record.status)) }
  );
}

function openedSteps<TStep extends RecordedStep>(
  cipher: Cipher,
  id: string,
  steps: readonly TStep[],
): Promise<readonly TStep[]> {
  return Promise.all(
    steps.map(async (step) => ({
      ...step,
      response: await cipher.open(step.response, { id, column: "step", name: step.name }),
    })),
  );
}

async function openedStored(cipher: Cipher, id: string, record: StoredRecord): Promise<StoredRecord> {
  const { response, input, steps } = record;
  return {
    ...record,
    response: response === null ? null : await cipher.open(response, answerPlace(id, record.status)),
    input: input === null ? null : await cipher.open(input, { id, column: "input" }),
    steps: await openedSteps(cipher, id, steps),
  };
}

/** How long a text of that length is when it is sealed, at most: in base64, behind the name of the key. */
function sealedBytes(bytes: number): number {
  return Math.ceil((bytes * 4) / 3) + 150;
}
