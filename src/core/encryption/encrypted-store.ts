import type {
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
import type { StoredRecord, UpkeepStore } from "../contract/upkeep-store.ts";
import type { Cipher } from "./cipher.ts";
import { EncryptionError } from "./encryption-error.ts";

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
      return store.transaction(opening, async (session) =>
        sealedEnding(cipher, await body(encryptedSession(session, cipher, opening.claim?.id ?? ""))),
      );
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
): StoreSession<TTransaction> {
  return {
    claim: async () => openedClaim(cipher, id, await session.claim()),
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
      return openedClaim(cipher, params.id, await leases.claim(await sealedInput(cipher, params)));
    },
    complete: async (params) => leases.complete(await sealedOutcome(cipher, params)),
    outcomeOf: async (id) => openedRecord(cipher, id, await leases.outcomeOf(id)),
    steps: async (id) => openedSteps(cipher, id, await leases.steps(id)),
    giveBack: (params) => leases.giveBack(params),
    async claimAbandoned(params) {
      await cipher.ready();
      const record = await leases.claimAbandoned(params);
      return (
        record && { ...record, input: await cipher.open(record.input, { id: record.id, column: "input" }) }
      );
    },
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
    list: (params) => upkeep.list(params),
    placeAfter: (after, records) => upkeep.placeAfter(after, records),
    stats: () => upkeep.stats(),
    count: (sinceMs) => upkeep.count(sinceMs),
  };
}

async function sealedEnding<T>(cipher: Cipher, ending: Ending<T>): Promise<Ending<T>> {
  return ending.outcome === undefined
    ? ending
    : { ...ending, outcome: await sealedOutcome(cipher, ending.outcome) };
}

async function sealedOutcome(cipher: Cipher, params: CompleteParams): Promise<CompleteParams> {
  const { id, response } = params;
  return { ...params, response: await cipher.seal(response, { id, column: "response" }) };
}

async function sealedStep(cipher: Cipher, params: StepParams): Promise<StepParams> {
  const { id, name, response } = params;
  return { ...params, response: await cipher.seal(response, { id, column: "step", name }) };
}

async function sealedInput(cipher: Cipher, params: ClaimParams): Promise<ClaimParams> {
  const { id, input } = params;
  return input === null ? params : { ...params, input: await cipher.seal(input, { id, column: "input" }) };
}

async function openedClaim(cipher: Cipher, id: string, claim: Claim): Promise<Claim> {
  if (claim.state !== "finished") {
    return claim;
  }
  const { record } = claim;
  const response = await cipher.open(record.response, { id, column: "response" });
  return { ...claim, record: { ...record, response } };
}

async function openedRecord(
  cipher: Cipher,
  id: string,
  record: FinishedRecord | undefined,
): Promise<FinishedRecord | undefined> {
  return record && { ...record, response: await cipher.open(record.response, { id, column: "response" }) };
}

function openedSteps(
  cipher: Cipher,
  id: string,
  steps: readonly RecordedStep[],
): Promise<readonly RecordedStep[]> {
  return Promise.all(
    steps.map(async ({ name, response }) => ({
      name,
      response: await cipher.open(response, { id, column: "step", name }),
    })),
  );
}

async function openedStored(cipher: Cipher, id: string, record: StoredRecord): Promise<StoredRecord> {
  const { response, input, steps } = record;
  return {
    ...record,
    response: response === null ? null : await cipher.open(response, { id, column: "response" }),
    input: input === null ? null : await cipher.open(input, { id, column: "input" }),
    steps: await Promise.all(
      steps.map(async (step) => ({
        ...step,
        response: await cipher.open(step.response, { id, column: "step", name: step.name }),
      })),
    ),
  };
}

/** How long a text of that length is when it is sealed, at most: in base64, behind the name of the key. */
function sealedBytes(bytes: number): number {
  return Math.ceil((bytes * 4) / 3) + 150;
}
