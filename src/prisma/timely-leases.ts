import type {
  AbandonedParams,
  AbandonedRecord,
  Claim,
  ClaimParams,
  GiveBackParams,
} from "../core/contract/store.ts";
import { StoreError } from "../sql/dialect/store-error.ts";
import { Queries } from "../sql/queries.ts";
import { endingWithin } from "./client/deadline.ts";

/** What a statement may take beside the time to get a connection and to wait for a lock, in milliseconds. */
const GRACE_MS = 1_000;

/**
 * The statements of leases, of which those that take or leave a claim are given up in time. No transaction limits them: behind a full
 * pool or on a dead connection they would wait for ever, and what came of a claim afterwards nobody would execute.
 */
export class TimelyLeases extends Queries {
  /** How long a statement waits for a connection, in milliseconds. */
  readonly #maxWaitMs: number;

  constructor(maxWaitMs: number, ...queries: ConstructorParameters<typeof Queries>) {
    super(...queries);
    this.#maxWaitMs = maxWaitMs;
  }

  override claim(params: ClaimParams): Promise<Claim> {
    return this.#claimInTime(params, params.lockWaitMs, super.claim(params), ({ state }) =>
      state === "claimed" ? params.id : undefined,
    );
  }

  override claimAbandoned(params: AbandonedParams): Promise<AbandonedRecord | undefined> {
    return this.#claimInTime(params, 0, super.claimAbandoned(params), (record) => record?.id);
  }

  override giveBack(params: GiveBackParams): Promise<boolean> {
    return this.#within(this.#maxWaitMs + GRACE_MS, () => super.giveBack(params));
  }

  /** Gives back what is claimed too late: `idOf` tells its id. */
  #claimInTime<T>(
    { owner, retentionMs }: Pick<ClaimParams, "owner" | "retentionMs">,
    lockWaitMs: number,
    claiming: Promise<T>,
    idOf: (claimed: T) => string | undefined,
  ): Promise<T> {
    return this.#within(this.#maxWaitMs + lockWaitMs + GRACE_MS, (deadline) =>
      claiming.then(async (claimed) => {
        const id = deadline.isOver ? idOf(claimed) : undefined;
        if (id !== undefined) {
          await this.giveBack({ id, owner, delayMs: 0, retentionMs });
        }
        return claimed;
      }),
    );
  }

  #within<T>(limitMs: number, begin: Parameters<typeof endingWithin<T>>[2]): Promise<T> {
    const late = () =>
      new StoreError("unavailable", `A statement of a lease was not answered within ${limitMs} ms`);
    return endingWithin(limitMs, late, begin);
  }
}
