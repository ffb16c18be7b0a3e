import { checkNumber, checkOneOf, misuse } from "../browser/option-checks.ts";
import { checkOptionNames, type OptionNames } from "../contract/options/option-names.ts";
import type { Store } from "../contract/store.ts";
import type { ListedRecord, ListOptions, RecordPage } from "../contract/upkeep/listing.ts";
import type { FoundRecord, Place, RecordFilter } from "../contract/upkeep/upkeep-store.ts";
import { checkId, checkKey } from "../request/identity.ts";
import { checkOperation, checkScope, idOf } from "../request/prepare.ts";
import { pastConflicts } from "../retry/past-conflicts.ts";
import { checkDate } from "./check-date.ts";
import { cursorOf, justBefore, placeOf } from "./cursor.ts";
import { factsOf } from "./facts.ts";

const OPTIONS: OptionNames<Required<ListOptions>> = {
  id: true,
  operation: true,
  scope: true,
  key: true,
  state: true,
  claimedFrom: true,
  claimedBefore: true,
  limit: true,
  after: true,
};

const STATES: Readonly<Record<NonNullable<ListOptions["state"]>, true>> = {
  in_progress: true,
  abandoned: true,
  completed: true,
  failed: true,
};
const LIMIT_MAX = 1_000;
/** Each is a value of the statement, of which databases take some ten thousand. */
const SCOPES_MAX = 1_000;

/** How many records one statement looks through, some 50 ms. No index serves most filters, and a statement must not take long. */
const STRETCH = 20_000;
/** After that time, whoever reads the page says whether to go on. */
const BUDGET_MS = 2_000;

/** Reads a page of records. */
export async function list(store: Store<unknown>, options: ListOptions = {}): Promise<RecordPage> {
  checkOptionNames(options, OPTIONS);
  const { limit = 50 } = options;
  checkNumber("limit", limit, 1, LIMIT_MAX);
  const filter = filterOf(options);
  const begin = placeOf(options.after);
  if (filter.scopes?.length === 0) {
    return { records: [], next: undefined };
  }
  const read = (after: Place | undefined, upTo: Place | undefined, missing: number) =>
    pastConflicts(store, "list", () => store.upkeep.list({ filter, after, upTo, limit: missing }));
  return isIndexed(filter)
    ? pageOf(await read(begin, undefined, limit), limit, undefined)
    : search(store, begin, limit, read);
}

/** Stretch by stretch, until the page is full or the time is over. */
async function search(
  store: Store<unknown>,
  begin: Place | undefined,
  limit: number,
  read: (
    after: Place | undefined,
    upTo: Place | undefined,
    missing: number,
  ) => Promise<readonly FoundRecord[]>,
): Promise<RecordPage> {
  const deadline = performance.now() + BUDGET_MS;
  const found: FoundRecord[] = [];
  let after = begin;
  for (;;) {
    const from = after;
    const upTo = await pastConflicts(store, "list", () => store.upkeep.placeAfter(from, STRETCH));
    found.push(...(await read(from, upTo, limit - found.length)));
    if (upTo === undefined || found.length === limit || performance.now() >= deadline) {
      return pageOf(found, limit, upTo);
    }
    after = upTo;
  }
}

/** Whether an index finds the records, or all records match. */
function isIndexed({ id, state, ...others }: RecordFilter): boolean {
  return (
    id !== undefined ||
    state === "in_progress" ||
    state === "abandoned" ||
    (state === undefined && Object.values(others).every((each) => each === undefined))
  );
}

/** A full page goes on after its last record; another one where the search has ended. */
function pageOf(found: readonly FoundRecord[], limit: number, searchedTo: Place | undefined): RecordPage {
  // Who searches in one scope is not told of a record in another one.
  const last = found.length === limit ? found.at(-1)?.place : searchedTo && justBefore(searchedTo);
  return { records: found.map(listed), next: last && cursorOf(last) };
}

function listed({ place, ...record }: FoundRecord): ListedRecord {
  return factsOf(place.id, record);
}

function filterOf(options: ListOptions): RecordFilter {
  const { id, operation, scope, key, state, claimedFrom, claimedBefore } = options;
  checkOneOf("state", state, Object.keys(STATES));
  const filter: RecordFilter = {
    id: id === undefined ? undefined : checkId(id),
    operation: operation === undefined ? undefined : checkOperation(operation),
    scopes: scope === undefined ? undefined : scopesOf(scope),
    key: key === undefined ? undefined : checkKey(key),
    state,
    claimedFromMs: msOf("claimedFrom", claimedFrom),
    claimedBeforeMs: msOf("claimedBefore", claimedBefore),
  };
  const [only, ...more] = filter.scopes ?? [];
  const isNamed = filter.operation !== undefined && filter.key !== undefined && only !== undefined;
  return id === undefined && isNamed && more.length === 0
    ? { ...filter, id: idOf({ operation: filter.operation, scope: only, key: filter.key }) }
    : filter;
}

function scopesOf(scope: NonNullable<ListOptions["scope"]>): readonly string[] {
  const scopes = Array.isArray(scope) ? scope : [scope];
  if (scopes.length > SCOPES_MAX) {
    throw misuse("scope", scope, `at most ${SCOPES_MAX} scopes`);
  }
  return scopes.map((each) => checkScope(each, "list()"));
}

function msOf(option: string, date: Date | undefined): number | undefined {
  checkDate(option, date);
  return date?.getTime();
}
