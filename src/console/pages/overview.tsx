/** @jsxImportSource preact */
import type { VNode } from "preact";
import type { OperationCounts, TableStats } from "../../core/contract/upkeep/listing.ts";
import { queryOf } from "../search/search.ts";
import { type Place, pageOf } from "./layout.tsx";
import { durationOf, Note, numberOf, ShortTime, Stored, Time } from "./parts.tsx";

/** What the tables hold. */
export interface Overview {
  readonly stats: TableStats;
  readonly counts: readonly OperationCounts[];
  readonly since: Date;
}

/** Operations that are shown. */
const OPERATIONS_MAX = 500;
/** Up to where the figures are counted. */
const COUNTED_MAX = 100_000;

/** `overview` is `undefined` for who may not see all scopes. */
export function overviewPage(place: Place & { overview: Overview | undefined }): string {
  const { base, overview } = place;
  return pageOf({
    ...place,
    title: "Overview",
    section: "overview",
    children: (
      <>
        <h1>Overview</h1>
        {overview === undefined ? (
          <Note>
            <p>
              The overview counts the records of all scopes. You see those of some, in the list of records.
            </p>
          </Note>
        ) : (
          <>
            <Figures base={base} stats={overview.stats} />
            <Operations base={base} overview={overview} />
          </>
        )}
      </>
    ),
  });
}

function Figures({ base, stats }: { base: string; stats: TableStats }): VNode {
  const listOf = (state: string) => `${base}/${queryOf({ state })}`;
  const { inProgress, abandoned, expired, oldestExpiredAt, bytes, now } = stats;
  return (
    <dl class="figures">
      <Figure name="Leased runs in progress" value={countOf(inProgress)} href={listOf("in_progress")} />
      <Figure name="Of these, abandoned" value={countOf(abandoned)} href={listOf("abandoned")} />
      <Figure
        name="Expired, not pruned"
        value={countOf(expired)}
        {...(oldestExpiredAt === undefined
          ? {}
          : { more: `the oldest for ${durationOf(Math.max(0, now.getTime() - oldestExpiredAt.getTime()))}` })}
      />
      {bytes === undefined ? null : <Figure name="Size of the tables" value={sizeOf(bytes)} />}
    </dl>
  );
}

interface FigureParts {
  readonly name: string;
  readonly value: string;
  /** Where the records are listed. */
  readonly href?: string;
  readonly more?: string;
}

function countOf(count: number): string {
  return `${numberOf(count)}${count >= COUNTED_MAX ? " or more" : ""}`;
}

function Figure({ name, value, href, more }: FigureParts): VNode {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{href === undefined ? value : <a href={href}>{value}</a>}</dd>
      {more === undefined ? null : <dd>{more}</dd>}
    </div>
  );
}

function sizeOf(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let size = bytes;
  let unit = 0;
  while (size >= 1_000 && unit < units.length - 1) {
    size /= 1_000;
    unit += 1;
  }
  return `${unit === 0 ? numberOf(size) : size.toPrecision(3)} ${units[unit]}`;
}

function Operations({
  base,
  overview: { counts, since, stats },
}: {
  base: string;
  overview: Overview;
}): VNode {
  const total = ({ completed, failed, inProgress }: OperationCounts) => completed + failed + inProgress;
  const sorted = counts.toSorted((a, b) => total(b) - total(a) || (a.operation < b.operation ? -1 : 1));
  const from = since.toISOString().slice(0, 16);
  return (
    <section class="panel" aria-labelledby="operations">
      <header>
        <h2 id="operations">Claimed in the last 24 hours</h2>
        <p>
          Since <ShortTime at={since} />, counted at <Time at={stats.now} />, UTC
        </p>
      </header>
      {sorted.length === 0 ? (
        <p class="empty">No record was claimed.</p>
      ) : (
        <div class="scroll" tabindex={0} role="region" aria-label="Counts by operation">
          <table>
            <thead>
              <tr>
                <th scope="col">Operation</th>
                {["Completed", "Failed", "In progress", "All"].map((head) => (
                  <th scope="col" class="number">
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {sorted.slice(0, OPERATIONS_MAX).map((counted) => (
                <tr>
                  <th scope="row">
                    <a href={`${base}/${queryOf({ operation: counted.operation, from })}`}>
                      <Stored text={counted.operation} />
                    </a>
                  </th>
                  {[counted.completed, counted.failed, counted.inProgress, total(counted)].map((count) => (
                    <td class="number">{numberOf(count)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
