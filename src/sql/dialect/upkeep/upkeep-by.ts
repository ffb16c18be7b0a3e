import type { UpkeepStatements } from "../upkeep-statements.ts";
import { inspecting, ofId, rewriting } from "./inspection.ts";
import { ids, type Listing, list, oldest, placeAfter } from "./listing.ts";

type Alike = "inspect" | "rewrite" | "ids" | "list" | "placeAfter" | "oldest";

/** The statements that differ between databases only in how these take values, and write times. */
export function upkeepBy(listing: Listing): Pick<UpkeepStatements, Alike> {
  const { parameter } = listing;
  return {
    inspect: (names, id) => ofId(inspecting(names, parameter(1), listing), id),
    rewrite: (names, params) => rewriting(names, params, parameter),
    ids: (names, after, limit) => ids(names, after, limit, listing),
    list: (names, params) => list(names, params, listing),
    placeAfter: (names, after, records) => placeAfter(names, after, records, listing),
    oldest: (names) => oldest(names, listing),
  };
}
