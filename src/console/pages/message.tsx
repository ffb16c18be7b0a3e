/** @jsxImportSource preact */
import type { VNode } from "preact";
import type { Forgotten } from "../../core/contract/upkeep/inspection.ts";
import { type Place, pageOf } from "./layout.tsx";
import { Outcome } from "./record.tsx";

interface MessageParts extends Place {
  readonly title: string;
  readonly text: string;
}

/** A page that says one thing. */
export function messagePage(parts: MessageParts): string {
  return pageOf({
    ...parts,
    children: (
      <>
        <h1>{parts.title}</h1>
        <p class="prose">{parts.text}</p>
        <Back base={parts.base} />
      </>
    ),
  });
}

/** There is no such record, or none that the operator may see: both look the same. */
export function unknownPage(place: Place & { id: string; outcome: Forgotten | undefined }): string {
  const { base, id, outcome } = place;
  const title = outcome === "forgotten" ? "Forgotten" : "No such record";
  return pageOf({
    ...place,
    title,
    section: "records",
    children: (
      <>
        <h1>{title}</h1>
        {outcome === undefined ? null : <Outcome outcome={outcome} />}
        <p class="prose">
          There is nothing under the id <code class="mono">{id}</code>.{" "}
          {outcome === "forgotten"
            ? null
            : "Its key was never used, each attempt was rolled back, its record was pruned or forgotten, or a run in one transaction is under way at this moment."}
        </p>
        <Back base={base} />
      </>
    ),
  });
}

function Back({ base }: { base: string }): VNode {
  return (
    <p>
      <a href={`${base}/`}>To the records</a>
    </p>
  );
}
