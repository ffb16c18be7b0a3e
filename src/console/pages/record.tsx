/** @jsxImportSource preact */
import type { VNode } from "preact";
import type { Forgotten, InspectedRecord } from "../../core/contract/upkeep/inspection.ts";
import { queryOf } from "../search/search.ts";
import { type Place, pageOf } from "./layout.tsx";
import { durationOf, Note, numberOf, State, Stored, toneOf } from "./parts.tsx";
import { Value } from "./stored-value.tsx";
import { STEPS_MAX, Timeline } from "./timeline.tsx";

/** Characters of a page, about: what is stored may have megabytes. */
const ANSWER_MAX = 60_000;
const INPUT_MAX = 30_000;
const STEP_MAX = 2_000;

interface RecordParts extends Place {
  readonly record: InspectedRecord;
  /** What became of a request to forget it. */
  readonly outcome: Forgotten | undefined;
}

export function recordPage(parts: RecordParts): string {
  const { base, record, operator, outcome } = parts;
  const { state, operation, answer, input, steps } = record;
  const answerName = state === "failed" ? "Error" : "Result";
  return pageOf({
    ...parts,
    title: `${record.key}, ${operation}`,
    section: "records",
    children: (
      <>
        <div class="title">
          <p class="crumbs">
            <a href={`${base}/`}>Records</a>
          </p>
          <div class="line">
            <h1 class="mono">
              <Stored text={record.key} />
            </h1>
            <State record={record} />
          </div>
        </div>
        {outcome === undefined ? null : <Outcome outcome={outcome} />}
        <Note tone={toneOf(record)}>
          <p>{meaningOf(record)}</p>
        </Note>
        <div class="columns">
          <Panel id="timeline" title="Timeline" aside="Times are UTC">
            <Timeline record={record} />
          </Panel>
          <Panel id="facts" title="Record">
            <Facts base={base} record={record} />
          </Panel>
        </div>
        {answer === undefined ? null : (
          <Panel
            id="answer"
            title={answerName}
            {...(answer.isReadable ? { aside: "What every retry gets" } : {})}
          >
            <Value name={answerName} stored={answer} charactersMax={ANSWER_MAX} />
          </Panel>
        )}
        {steps.length === 0 ? null : <Steps record={record} />}
        {input === undefined ? null : (
          <Panel id="input" title="Input" aside="What a completer would be given">
            <Value name="Input" stored={input} charactersMax={INPUT_MAX} />
          </Panel>
        )}
        {operator.mayForget ? <Forget base={base} id={record.id} /> : null}
      </>
    ),
  });
}

function meaningOf({ state, isAbandoned, isExpired, answer }: InspectedRecord): string {
  if (state === "in_progress") {
    return isAbandoned
      ? "A leased run that nobody executes. The next retry, or a completer, goes on after the last step."
      : "A leased run that has not ended. It is being executed now, until its lease ends at least.";
  }
  const what = state === "completed" ? "Made once." : "Its error is its answer.";
  if (isExpired) {
    return `${what} The retention is over: the next request with this key executes again.`;
  }
  if (answer?.isReadable === false) {
    return `${what} This process cannot read the answer: if those that execute cannot either, retries are refused (RESULT_UNREADABLE), and nothing executes again.`;
  }
  return state === "completed"
    ? `${what} Every retry with this key gets the result below, and nothing executes again.`
    : `${what} Every retry with this key gets it; a new attempt needs a new key.`;
}

/** A part of the page with a title. */
export function Panel({
  id,
  title,
  aside,
  children,
}: {
  id: string;
  title: string;
  aside?: string;
  children: VNode;
}): VNode {
  return (
    <section class="panel" aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {aside === undefined ? null : <p>{aside}</p>}
      </header>
      <div class="body">{children}</div>
    </section>
  );
}

/** What names a record. */
export function Facts({ base, record }: { base: string; record: InspectedRecord }): VNode {
  const { id, operation, scope, key, attempt } = record;
  return (
    <dl class="facts">
      <dt>Operation</dt>
      <dd>
        <a href={`${base}/${queryOf({ operation, scope })}`}>
          <Stored text={operation} />
        </a>
      </dd>
      <dt>Scope</dt>
      <dd>
        <a href={`${base}/${queryOf({ scope })}`}>
          <Stored text={scope} />
        </a>
      </dd>
      <dt>Key</dt>
      <dd class="mono">
        <Stored text={key} />
      </dd>
      <dt>Attempt</dt>
      <dd class="number">{attempt}</dd>
      <dt>Id</dt>
      <dd class="mono">{id}</dd>
    </dl>
  );
}

function Steps({ record: { steps, claimedAt } }: { record: InspectedRecord }): VNode {
  const aside = steps.length > STEPS_MAX ? `the first ${STEPS_MAX} of ${numberOf(steps.length)}` : undefined;
  return (
    <Panel id="steps" title="Steps" {...(aside === undefined ? {} : { aside })}>
      <div class="steps">
        {steps.slice(0, STEPS_MAX).map(({ name, recordedAt, result }, index) => (
          <details>
            <summary>
              <Stored text={name} />
              <span class="when number">
                {`+${durationOf(Math.max(0, recordedAt.getTime() - claimedAt.getTime()))}`}
              </span>
            </summary>
            <Value name={`Result of step ${index + 1}`} stored={result} charactersMax={STEP_MAX} />
          </details>
        ))}
      </div>
    </Panel>
  );
}

function Forget({ base, id }: { base: string; id: string }): VNode {
  return (
    <Panel id="forget" title="Forget this record">
      <>
        <p class="prose">
          The record and its steps are deleted, and the next request with the key executes again.
        </p>
        <div class="actions">
          <a class="button danger" href={`${base}/records/${id}/forget`}>
            Forget…
          </a>
        </div>
      </>
    </Panel>
  );
}

/** What became of a request to forget a record. */
export function Outcome({ outcome }: { outcome: Forgotten }): VNode {
  if (outcome === "forgotten") {
    return (
      <Note tone="good">
        <p role="status">
          <strong>Forgotten.</strong> The record is deleted. The next request with its key executes again.
        </p>
      </Note>
    );
  }
  return outcome === "unknown" ? (
    <Note tone="stuck">
      <p role="status">
        <strong>Unknown.</strong> There was no record any more: nothing was deleted.
      </p>
    </Note>
  ) : (
    <Note tone="busy">
      <p role="status">
        <strong>In progress: left alone.</strong> A run that is alive holds the record. It can be forgotten
        when that has ended.
      </p>
    </Note>
  );
}
