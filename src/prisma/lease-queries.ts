import type { AbandonedParams, AbandonedRecord, Claim, ClaimParams } from "../core/contract/store.ts";
import { Queries } from "../sql/queries.ts";
import { StoreError } from "../sql/store-error.ts";
import { endingWithin } from "./client/deadline.ts";

/**
 * What a claim waits for its answer, in milliseconds. On a connection whose server is gone without a word it would wait for as long as
 * the operating system does, and no transaction limits it. Longer than a full pool is to be waited for: who gives up leaves the
 * statement in the driver's queue.
 */
const CLAIM_MS = 15_000;

const notClaimedInTime = () =>
  new StoreError("unavailable", `The claim was not answered within ${CLAIM_MS} ms`);

/** The statements of leases. What comes after a claim is limited by the lease itself. */
export class LeaseQueries extends Queries {
  override claim(params: ClaimParams): Promise<Claim> {
    return endingWithin(CLAIM_MS, notClaimedInTime, () => super.claim(params));
  }

  override claimAbandoned(params: AbandonedParams): Promise<AbandonedRecord | undefined> {
    return endingWithin(CLAIM_MS, notClaimedInTime, () => super.claimAbandoned(params));
  }
}
