import { isIdempotencyError, unwrapped } from "../contract/errors/errors.ts";
import type { LeaseContext, LeaseHandler, SettledRun } from "../contract/idempotency.ts";
import type {
  Claim,
  ClaimParams,
  CompleteParams,
  FinishedRecord,
  LeaseStore,
  Store,
} from "../contract/store.ts";
import { reached } from "../contract/test-points.ts";
import type { Duplicates } from "../duplicates/duplicates.ts";
import type { Flight } from "../duplicates/single-flight.ts";
import { executing, waiting as waitingFor } from "../events/call-events.ts";
import { answerOf } from "../outcome/answer.ts";
import type { Executed, Finished } from "../outcome/run-end.ts";
import { storeUnavailable } from "../outcome/run-errors.ts";
import { throwIfReused } from "../outcome/stored-outcome.ts";
import { derivedKey } from "../request/identity.ts";
import type { PreparedRun } from "../request/prepare.ts";
import { backOffFromOutage, isAway, type Outage, Waiting } from "../retry/outage.ts";
import { POLL_MS_MAX, waitCauseOf, waitForLease, waitToClaimAgain } from "../retry/waiting.ts";
import { claimParams } from "../run/claim-params.ts";
import { refuseNested } from "../run/refuse-nested.ts";
import { type AdoptedClaim, takeAdoptedClaim } from "./abandoned-runs.ts";
import { Lease, renewalOf } from "./lease.ts";
import { Steps } from "./steps.ts";
import { untilAnswered } from "./until-answered.ts";

/**
 * Mode `lease`: the claim commits at once and is valid for a limited time, which a heartbeat renews; each step and the
 * result commit by themselves, if the claim is still ours. All control flow of such a run is in this file:
 *
 *     run               leads, or waits in memory for the duplicate of this process that does (duplicates.ts)
 *     └ lead            claims, polling while another executor holds the lease; or reads the stored outcome
 *       └ execute       heartbeat (lease.ts), handler with its steps (steps.ts), encode (../outcome/answer.ts), store
 *         └ giveBack    after an error that is no answer: the next attempt may begin at once
 *
 * A run that a completer has claimed (abandoned.ts) begins with `execute`.
 */
export class LeasedRunner<TTransaction> {
  readonly #store: Store<TTransaction>;
  readonly #duplicates: Duplicates;
  readonly #outage: Outage;

  constructor(store: Store<TTransaction>, duplicates: Duplicates, outage: Outage) {
    this.#store = store;
    this.#duplicates = duplicates;
    this.#outage = outage;
  }

  async run<T>(run: PreparedRun, handler: LeaseHandler<TTransaction, T>): Promise<SettledRun<T>> {
    refuseNested(this.#store, run);
    const adopted = takeAdoptedClaim(run.id);
    if (adopted === undefined) {
      return this.#duplicates.run(run, (flight) => this.#lead(run, flight, handler));
    }
    const { owner, attempt } = adopted;
    const claim = { owner, attempt, claimedAt: performance.now(), adopted };
    const { settled } = await this.#execute(run, claim, handler);
    adopted.finished();
    return settled;
  }

  async #lead<T>(
    run: PreparedRun,
    flight: Flight<FinishedRecord>,
    handler: LeaseHandler<TTransaction, T>,
  ): Promise<Finished<T>> {
    const claiming: Claiming = { run, waiting: new Waiting(this.#outage, run), unanswered: new Set() };
    for (let poll = 0; ; poll += 1) {
      run.events?.enter("claim");
      const params = claimParams(run, run.options.leaseMs);
      const claimedAt = performance.now();
      const claim = await this.#claim(claiming, params, poll);
      switch (claim?.state) {
        case "finished":
          return { end: "replayed", record: claim.record };
        case "claimed": {
          flight.executing(run.fingerprint);
          const { owner } = params;
          const held = { owner, attempt: claim.attempt, claimedAt, adopted: undefined };
          const executed = await this.#execute(run, held, handler);
          reached("committed", run);
          return executed;
        }
        case "held":
          throwIfReused(run, claim.fingerprint);
          if (!(await this.#hasGivenBack(claiming))) {
            await waitingFor(run, "lease", performance.now(), () => waitForLease(run, poll));
          }
          break;
        case undefined:
      }
    }
  }

  /** Returns `undefined` if the claim may succeed when repeated. */
  async #claim(
    { run, waiting, unanswered }: Claiming,
    params: ClaimParams,
    poll: number,
  ): Promise<Claim | undefined> {
    const begin = performance.now();
    try {
      const claim = await this.#store.leases.claim(params);
      waiting.answered();
      return claim;
    } catch (error) {
      const fault = this.#store.faultOf(error);
      if (fault === "unavailable") {
        // The claim may have been made nevertheless, and nobody would execute the run.
        unanswered.add(params.owner);
        this.#giveBack(run, params.owner).catch(() => {});
      }
      await waitingFor(run, waitCauseOf(fault), begin, () =>
        waitToClaimAgain(run, waiting, poll, { fault, error }),
      );
      return undefined;
    }
  }

  /** Whether what is in the way is a lease that this run has got after all, and has now given back. */
  async #hasGivenBack({ run, unanswered }: Claiming): Promise<boolean> {
    for (const owner of unanswered) {
      try {
        const isGivenBack = await this.#giveBack(run, owner);
        unanswered.delete(owner);
        if (isGivenBack) {
          return true;
        }
      } catch {
        // It is tried again at the next look at the lease.
      }
    }
    return false;
  }

  /**
   * Waits for a database that is away: what lost the connection to it is to be retried as soon as it is back, not when the lease lapses.
   * `undefined`: nothing is left to give back, perhaps as an earlier try has done it whose answer was lost.
   */
  async #giveBackBy(lease: Lease, run: PreparedRun, delayMs: number): Promise<boolean | undefined> {
    const deadline = performance.now() + run.options.outageMs;
    for (let retry = 0; ; retry += 1) {
      try {
        const isGivenBack = await this.#giveBack(run, lease.owner, delayMs);
        return isGivenBack || (retry > 0 ? undefined : false);
      } catch (error) {
        const isWaitedOut = isAway(this.#store.faultOf(error)) && performance.now() < deadline;
        if (!isWaitedOut || lease.signal.aborted) {
          throw error;
        }
      }
      await backOffFromOutage(retry);
    }
  }

  #giveBack({ id, options }: PreparedRun, owner: string, delayMs = 0): Promise<boolean> {
    return this.#store.leases.giveBack({ id, owner, delayMs, retentionMs: options.retentionMs });
  }

  async #execute<T>(
    run: PreparedRun,
    claim: LeaseClaim,
    handler: LeaseHandler<TTransaction, T>,
  ): Promise<Executed<T>> {
    const { owner, attempt, adopted } = claim;
    const { id, options } = run;
    const { retentionMs } = options;
    const lease = new Lease(this.#store, run, owner, adopted?.signal);
    lease.start(claim.claimedAt);
    let isStoring = false;
    try {
      if (adopted !== undefined) {
        // The claim was made some time ago, perhaps with another `leaseMs`.
        await this.#renew(run, lease);
      }
      reached("claimed", run);
      const { settled, response } = await answerOf(
        run,
        () => executing(run, attempt, () => lease.whileHeld(this.#handle(run, lease, attempt, handler))),
        lease.signal,
      );
      reached("handler ended", run);
      lease.ending();
      run.events?.enter("store");
      isStoring = true;
      const record = { status: settled.status, fingerprint: run.fingerprint, owner, response };
      if (
        !(await untilAnswered(this.#store, lease, (leases) =>
          // Who has waited for the end looks at it only after a pause.
          complete(leases, { ...record, id, retentionMs: retentionMs + POLL_MS_MAX }),
        ))
      ) {
        throw await lease.whyUnchanged(this.#store.leases);
      }
      return { end: "executed", settled, record, afterCommit: [] };
    } catch (error) {
      const delayMs = adopted?.retryDelayMs ?? RETRY_DELAY_MS;
      lease.ending();
      // If that fails too, the lease lapses. If there is nothing to give back, another executor has taken over, or the outcome is
      // stored after all.
      const isGivenBack = await lease.whileHeld(this.#giveBackBy(lease, run, delayMs)).catch(() => undefined);
      if (isGivenBack === undefined) {
        // What became of an outcome that failed for a reason that nobody knows, a retry finds out.
        throw isStoring && this.#isUnexplained(error) ? storeUnavailable(run, error) : unwrapped(error);
      }
      throw isGivenBack || (await lease.isHeldIn(this.#store.leases)) ? unwrapped(error) : lease.lose(error);
    } finally {
      lease.stop();
    }
  }

  /** Whether a statement of ours has failed, and neither the driver nor the database has said anything that we know. */
  #isUnexplained(error: unknown): boolean {
    const isOurs =
      isIdempotencyError(error) && error.code === "STORE_MISCONFIGURED" && error.cause !== undefined;
    return isOurs && this.#store.faultOf(error.cause) === undefined;
  }

  async #handle<T>(
    run: PreparedRun,
    lease: Lease,
    attempt: number,
    handler: LeaseHandler<TTransaction, T>,
  ): Promise<T> {
    // A first attempt has no recorded steps to read.
    const recorded =
      attempt === 1 ? [] : await untilAnswered(this.#store, lease, (leases) => leases.steps(run.id));
    const responses = new Map(recorded.map(({ name, response }) => [name, response]));
    const steps = new Steps(this.#store, run, lease, attempt, responses);
    return steps.during(async () => handler(contextOf(run, lease, attempt, steps)));
  }

  async #renew(run: PreparedRun, lease: Lease): Promise<void> {
    if (!(await untilAnswered(this.#store, lease, (leases) => leases.renew(renewalOf(run, lease.owner))))) {
      throw await lease.whyUnchanged(this.#store.leases);
    }
  }
}

/** A run that asks for its lease. */
interface Claiming {
  readonly run: PreparedRun;
  readonly waiting: Waiting;
  /** Owners of claims whose answers were lost: they may have been made. */
  readonly unanswered: Set<string>;
}

/** A claim under which a run executes. */
interface LeaseClaim {
  readonly owner: string;
  readonly attempt: number;
  /** When it was sent, or adopted, on the clock of `performance.now()`. */
  readonly claimedAt: number;
  /** `undefined` for a claim that this run has made. */
  readonly adopted: AdoptedClaim | undefined;
}

/** How long completers leave a record to the client's retry after its handler threw. */
const RETRY_DELAY_MS = 5_000;

function contextOf<TTransaction>(
  run: PreparedRun,
  lease: Lease,
  attempt: number,
  steps: Steps<TTransaction>,
): LeaseContext<TTransaction> {
  return {
    key: run.key,
    attempt,
    signal: lease.signal,
    deriveKey: (name) => derivedKey(run.id, name),
    step: (name, execute, options) => steps.step(name, execute, options),
    transaction: (name, execute) => steps.transaction(name, execute),
  };
}

/** Stores the outcome. If the answer to an earlier try was lost, the record may already hold it. */
async function complete(leases: LeaseStore, params: CompleteParams): Promise<boolean> {
  return (await leases.complete(params)) || (await leases.outcomeOf(params.id))?.owner === params.owner;
}
