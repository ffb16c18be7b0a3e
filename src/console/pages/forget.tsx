/** @jsxImportSource preact */
import type { InspectedRecord } from "../../core/contract/upkeep/inspection.ts";
import { type Place, pageOf } from "./layout.tsx";
import { Note, State } from "./parts.tsx";
import { Facts, Panel } from "./record.tsx";

interface ForgetParts extends Place {
  readonly record: InspectedRecord;
  /** How the record stood when the page was made. */
  readonly seen: string;
  readonly token: string;
  /** Whether it is no longer what the sender of the form has seen. */
  readonly hasChanged: boolean;
}

/** Asks before a record is forgotten. */
export function forgetPage(parts: ForgetParts): string {
  const { base, record, seen, token, hasChanged } = parts;
  const isAlive = record.state === "in_progress" && !record.isAbandoned;
  return pageOf({
    ...parts,
    title: "Forget this record?",
    section: "records",
    children: (
      <>
        <div class="title">
          <p class="crumbs">
            <a href={`${base}/records/${record.id}`}>Back to the record</a>
          </p>
          <div class="line">
            <h1>Forget this record?</h1>
            <State record={record} />
          </div>
        </div>
        {hasChanged ? (
          <Note tone="stuck">
            <p role="alert">
              The record has changed since you looked. Nothing was deleted: look again before you decide.
            </p>
          </Note>
        ) : null}
        <Note tone="bad">
          <p>
            <strong>The next request with this key executes again</strong>, whatever its client was told
            before. Undo what the first execution did, before you forget it. Keys that were derived for other
            services are the same again.
          </p>
          {isAlive ? <p>A run that is alive holds the record: it will be left alone.</p> : null}
        </Note>
        <Panel id="facts" title="Record">
          <Facts base={base} record={record} />
        </Panel>
        <form class="actions" method="post" action={`${base}/records/${record.id}/forget`}>
          <input type="hidden" name="seen" value={seen} />
          <input type="hidden" name="token" value={token} />
          <button class="danger" type="submit">
            Forget the record
          </button>
          <a class="button" href={`${base}/records/${record.id}`}>
            Keep it
          </a>
        </form>
      </>
    ),
  });
}
