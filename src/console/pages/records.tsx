/** @jsxImportSource preact */
import type { VNode } from "preact";
import type { ListedRecord, RecordPage } from "../../core/contract/upkeep/listing.ts";
import { queryOf, type Search, type SearchProblem } from "../search/search.ts";
import { type Place, pageOf } from "./layout.tsx";
import { durationOf, Note, numberOf, ShortTime, State, Stored } from "./parts.tsx";
import { SearchForm } from "./search-form.tsx";

/** What a search has come to. */
export interface Found extends Place {
  readonly search: Search;
  readonly problem: SearchProblem | undefined;
  /** `undefined`: it was not made. */
  readonly page: RecordPage | undefined;
  /** Whether it is the first of its pages. */
  readonly isFirst: boolean;
}

export function recordsPage(found: Found): string {
  const { problem, page } = found;
  return pageOf({
    ...found,
    title: "Records",
    section: "records",
    children: (
      <>
        <h1>Records</h1>
        <SearchForm {...found} />
        {problem === undefined ? null : (
          <Note tone="bad">
            <p id="search-problem" role="alert">
              {problem.message}
            </p>
          </Note>
        )}
        {page === undefined ? null : <Results {...found} page={page} />}
      </>
    ),
  });
}

function Results({ page, ...found }: Found & { page: RecordPage }): VNode {
  const { records, next } = page;
  const isPartial = next !== undefined && records.length === 0;
  return (
    <section class="panel" aria-labelledby="results">
      <header>
        <h2 id="results">{titleOf(records.length, isPartial)}</h2>
        <p>Those that expire last come first. Times are UTC.</p>
      </header>
      {records.length === 0 ? (
        <Nothing {...found} isPartial={isPartial} />
      ) : (
        <Table {...found} records={records} />
      )}
      <Pages {...found} page={page} />
    </section>
  );
}

function titleOf(count: number, isPartial: boolean): string {
  if (count === 0) {
    return isPartial ? "Nothing found so far" : "Nothing found";
  }
  return count === 1 ? "1 record" : `${numberOf(count)} records`;
}

function Nothing({
  search,
  isPartial,
  isFirst,
}: Pick<Found, "search" | "isFirst"> & { isPartial: boolean }): VNode {
  if (isPartial) {
    return (
      <p class="empty">
        The search has looked through a part of the table and found nothing there. It can go on.
      </p>
    );
  }
  return (
    <div class="empty prose">
      <p>{isFirst ? "No record matches." : "There are no more."}</p>
      {isFirst && search.key !== "" ? (
        <p>
          A key has no record if it never arrived, if each attempt was rolled back, if its record was pruned,
          or while a run in one transaction is under way.
        </p>
      ) : null}
    </div>
  );
}

const HEADS = ["Key", "Operation", "Scope", "State", "Claimed", "Took", "Expires"] as const;

function Table({ base, records }: Place & { records: readonly ListedRecord[] }): VNode {
  // The roles are said, as the cards of a narrow window would take them away.
  return (
    <table class="cards" role="table" aria-labelledby="results">
      <thead role="rowgroup">
        <tr role="row">
          {HEADS.map((head) => (
            <th role="columnheader" scope="col" class={head === "Took" ? "number" : ""}>
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {records.map((record) => (
          <Row base={base} record={record} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ base, record }: { base: string; record: ListedRecord }): VNode {
  const { id, operation, scope, key, attempt, claimedAt, finishedAt, expiresAt } = record;
  const took = finishedAt === undefined ? "-" : durationOf(finishedAt.getTime() - claimedAt.getTime());
  return (
    <tr role="row">
      <th role="rowheader" scope="row" data-label="Key">
        <a class="key mono" href={`${base}/records/${id}`}>
          <Stored text={key} />
        </a>
      </th>
      <td role="cell" data-label="Operation">
        <Stored text={operation} />
      </td>
      <td role="cell" data-label="Scope">
        <Stored text={scope} />
      </td>
      <td role="cell" data-label="State">
        <State record={record} />
        {attempt > 1 ? <span class="times">{` ${numberOf(attempt)} attempts`}</span> : null}
      </td>
      <td role="cell" data-label="Claimed">
        <ShortTime at={claimedAt} />
      </td>
      <td role="cell" data-label="Took" class="number">
        <span>{took}</span>
      </td>
      <td role="cell" data-label="Expires">
        <ShortTime at={expiresAt} />
      </td>
    </tr>
  );
}

function Pages({
  base,
  search,
  page: { records, next },
  isFirst,
}: Found & { page: RecordPage }): VNode | null {
  if (next === undefined && isFirst) {
    return null;
  }
  return (
    <nav class="pages" aria-label="Pages">
      {next === undefined ? null : (
        <a class="button" href={`${base}/${queryOf(search, next)}`} rel="next">
          {records.length === 0 ? "Search further" : "Next page"}
        </a>
      )}
      {isFirst ? null : <a href={`${base}/${queryOf(search)}`}>First page</a>}
      {next === undefined ? <span class="muted">This is the end.</span> : null}
    </nav>
  );
}
