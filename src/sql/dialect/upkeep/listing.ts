import {
  COUNTED_MAX,
  type ListParams,
  type Place,
  type RecordFilter,
} from "../../../core/contract/upkeep/upkeep-store.ts";
import type { Names } from "../names.ts";
import type { Statement } from "../statement.ts";
import { facts, type Reading } from "./inspection.ts";

/** How a database takes values, and writes times as texts. */
export interface Listing extends Reading {
  /** The parameter with that number, from 1. */
  readonly parameter: (number: number) => string;
  /** A time as a text that orders as times do, and back. */
  readonly text: (time: string) => string;
  readonly timeOf: (text: string) => string;
  /** What is true of every time that is stored, where an index is used only for a condition. */
  readonly anyTime?: (time: string) => string;
  /** A time, of milliseconds since 1970. */
  readonly timeOfMs: (ms: string) => string;
}

/** Collects values in the order of their parameters. */
class Values {
  readonly all: unknown[] = [];
  readonly #parameter: Listing["parameter"];

  constructor({ parameter }: Listing) {
    this.#parameter = parameter;
  }

  of(value: unknown): string {
    this.all.push(value);
    return this.#parameter(this.all.length);
  }

  /** Its time is used twice, and some databases count each use. */
  ofPlace({ expiresAt, id }: Place): { readonly at: string; readonly again: string; readonly id: string } {
    return { at: this.of(expiresAt), again: this.of(expiresAt), id: this.of(id) };
  }
}

/**
 * Takes no lock. Index used: `expires_at`, or that of what the filter names. The ids of the page come first: MariaDB would sort the
 * whole table if it had to read more than the index has.
 */
export function list(names: Names, params: ListParams, listing: Listing): Statement {
  const { table, columns: c } = names.record;
  const { text, mark } = listing;
  const values = new Values(listing);
  const conditions = [
    ...whereAfter(names, params.after, listing, values),
    ...whereUpTo(names, params.upTo, listing, values),
    ...whereMatching(names, params.filter, listing, values),
  ];
  const ids = `SELECT ${c.id} AS listed FROM ${table}${allOf(conditions)}
  ORDER BY ${c.expiresAt} DESC, ${c.id} DESC LIMIT ${params.limit}`;
  const place = `${c.id} AS id, ${text(c.expiresAt)} AS ${mark}expiresAt${mark}`;
  return {
    text: `SELECT ${place}, ${facts(names, listing)} FROM (
  ${ids}
) AS page JOIN ${table} ON ${c.id} = listed
ORDER BY ${table}.${c.expiresAt} DESC, ${table}.${c.id} DESC`,
    values: values.all,
  };
}

/** Takes no lock. Index used: the primary key. */
export function ids(
  { record: { table, columns: c } }: Names,
  after: string,
  limit: number,
  { parameter }: Listing,
): Statement {
  const text = `SELECT ${c.id} AS id FROM ${table} WHERE ${c.id} > ${parameter(1)} ORDER BY ${table}.${c.id} LIMIT ${limit}`;
  return { text, values: [after] };
}

/** Takes no lock. Reads the index on `expires_at`. */
export function placeAfter(
  names: Names,
  after: Place | undefined,
  records: number,
  listing: Listing,
): Statement {
  const { table, columns: c } = names.record;
  const { text, mark } = listing;
  const values = new Values(listing);
  return {
    text: `SELECT ${c.id} AS id, ${text(c.expiresAt)} AS ${mark}expiresAt${mark} FROM ${table}${allOf(whereAfter(names, after, listing, values))}
ORDER BY ${table}.${c.expiresAt} DESC, ${table}.${c.id} DESC LIMIT 1 OFFSET ${records - 1}`,
    values: values.all,
  };
}

/** Reads of each index what it counts, at most that many entries. `bytes` tells the size of both tables. */
export function stats(
  { record: { table, columns: c } }: Names,
  { now, ms, mark }: Reading,
  bytes: string,
): string {
  const upTo = (what: string, where: string) =>
    `(SELECT ${what} FROM (SELECT ${c.lockedUntil} AS until, ${c.owner} AS owner FROM ${table} WHERE ${where} LIMIT ${COUNTED_MAX}) AS counted)`;
  const columns = [
    [upTo("COUNT(*)", `${c.lockedUntil} IS NOT NULL`), "inProgress"],
    [
      upTo(`COUNT(CASE WHEN until <= ${now} OR owner = '' THEN 1 END)`, `${c.lockedUntil} IS NOT NULL`),
      "abandoned",
    ],
    [upTo("COUNT(*)", `${c.expiresAt} <= ${now}`), "expired"],
    [`(SELECT ${ms(`MIN(${c.expiresAt})`)} FROM ${table})`, "firstExpiresAtMs"],
    [bytes, "bytes"],
    [ms(now), "nowMs"],
  ].map(([value, name]) => `${value} AS ${mark}${name}${mark}`);
  return `SELECT ${columns.join(",\n  ")}`;
}

/** Reads the first entry of the index on `expires_at`. */
export function oldest({ record: { table, columns: c } }: Names, { now, ms, mark }: Reading): Statement {
  const columns = `${ms(`MIN(${c.expiresAt})`)} AS ${mark}expiresAtMs${mark}, ${ms(now)} AS ${mark}nowMs${mark}`;
  return { text: `SELECT ${columns} FROM ${table}`, values: [] };
}

/** Reads all records. */
export function count(names: Names, sinceMs: number | null, listing: Listing, aDayAgo: string): Statement {
  const { table, columns: c } = names.record;
  const values = new Values(listing);
  const since = sinceMs === null ? aDayAgo : listing.timeOfMs(values.of(sinceMs));
  return {
    text: `SELECT ${c.operation} AS operation, ${c.status} AS status, COUNT(*) AS records FROM ${table}
WHERE ${c.createdAt} >= ${since} GROUP BY ${c.operation}, ${c.status}`,
    values: values.all,
  };
}

function allOf(conditions: readonly string[]): string {
  return conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
}

/** The time alone first: a comparison of rows finds its place in no index of MariaDB. */
function whereAfter(
  { record: { columns: c } }: Names,
  place: Place | undefined,
  { timeOf, anyTime }: Listing,
  values: Values,
): readonly string[] {
  if (place === undefined) {
    return anyTime === undefined ? [] : [anyTime(c.expiresAt)];
  }
  const { at, again, id } = values.ofPlace(place);
  return [`${c.expiresAt} <= ${timeOf(at)} AND (${c.expiresAt} < ${timeOf(again)} OR ${c.id} < ${id})`];
}

function whereUpTo(
  { record: { columns: c } }: Names,
  place: Place | undefined,
  { timeOf }: Listing,
  values: Values,
): readonly string[] {
  if (place === undefined) {
    return [];
  }
  const { at, again, id } = values.ofPlace(place);
  return [`${c.expiresAt} >= ${timeOf(at)} AND (${c.expiresAt} > ${timeOf(again)} OR ${c.id} >= ${id})`];
}

function whereMatching(
  { record: { columns: c } }: Names,
  filter: RecordFilter,
  { timeOfMs, now }: Listing,
  values: Values,
): readonly string[] {
  const { id, operation, scopes, key, state, claimedFromMs, claimedBeforeMs } = filter;
  const conditions: string[] = [];
  const equal = (column: string, value: string | undefined) => {
    if (value !== undefined) {
      conditions.push(`${column} = ${values.of(value)}`);
    }
  };
  equal(c.id, id);
  equal(c.operation, operation);
  if (scopes !== undefined) {
    conditions.push(`${c.scope} IN (${scopes.map((scope) => values.of(scope)).join(", ")})`);
  }
  equal(c.key, key);
  equal(c.status, state === "abandoned" ? "in_progress" : state);
  if (state === "in_progress" || state === "abandoned") {
    // Few have a lease, and an index finds them.
    conditions.push(`${c.lockedUntil} IS NOT NULL`);
  }
  if (state === "abandoned") {
    conditions.push(`(${c.lockedUntil} <= ${now} OR ${c.owner} = '')`);
  }
  if (claimedFromMs !== undefined) {
    conditions.push(`${c.createdAt} >= ${timeOfMs(values.of(claimedFromMs))}`);
  }
  if (claimedBeforeMs !== undefined) {
    conditions.push(`${c.createdAt} < ${timeOfMs(values.of(claimedBeforeMs))}`);
  }
  return conditions;
}
