import { checkOptionNames, type OptionNames } from "../contract/options/option-names.ts";
import type { Store } from "../contract/store.ts";
import type { RecordState } from "../contract/upkeep/inspection.ts";
import type { CountOptions, OperationCounts, TableStats } from "../contract/upkeep/listing.ts";
import { UNPRUNED_MS_MAX } from "../contract/upkeep/pruning.ts";
import { publish } from "../events/channels.ts";
import { pastConflicts } from "../retry/past-conflicts.ts";
import { checkDate } from "./check-date.ts";

const OPTIONS: OptionNames<Required<CountOptions>> = { since: true };

/** Reads the state of the tables. */
export async function stats(store: Store<unknown>): Promise<TableStats> {
  const { firstExpiresAtMs, bytes, nowMs, ...counts } = await pastConflicts(store, "stats", () =>
    store.upkeep.stats(),
  );
  const oldestExpiredAt =
    firstExpiresAtMs !== null && firstExpiresAtMs <= nowMs ? new Date(firstExpiresAtMs) : undefined;
  if (oldestExpiredAt !== undefined && nowMs - oldestExpiredAt.getTime() > UNPRUNED_MS_MAX) {
    publish("unpruned", () => ({ expired: counts.expired, oldestExpiredAt }));
  }
  return { ...counts, oldestExpiredAt, bytes: bytes ?? undefined, now: new Date(nowMs) };
}

const NAMES: Readonly<Record<RecordState, Exclude<keyof OperationCounts, "operation">>> = {
  in_progress: "inProgress",
  completed: "completed",
  failed: "failed",
};

/** Counts records by operation, in the order of the operations' names. */
export async function countByOperation(
  store: Store<unknown>,
  options: CountOptions = {},
): Promise<readonly OperationCounts[]> {
  checkOptionNames(options, OPTIONS);
  const { since } = options;
  checkDate("since", since);
  const counted = await pastConflicts(store, "count", () => store.upkeep.count(since?.getTime() ?? null));
  const byOperation = new Map<string, OperationCounts>();
  for (const { operation, status, records } of counted) {
    const known = byOperation.get(operation) ?? { operation, inProgress: 0, completed: 0, failed: 0 };
    byOperation.set(operation, { ...known, [NAMES[status]]: records });
  }
  return [...byOperation.values()].toSorted((a, b) => (a.operation < b.operation ? -1 : 1));
}
