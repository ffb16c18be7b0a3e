/** @jsxImportSource preact */
import type { VNode } from "preact";
import type { StoredValue } from "../../core/contract/upkeep/inspection.ts";
import { shownValue } from "../values/shown-value.ts";
import { visible } from "../values/visible.ts";
import { Note, numberOf, Stored } from "./parts.tsx";

interface ValueParts {
  readonly name: string;
  readonly stored: StoredValue;
  /** How much of it is shown, about. */
  readonly charactersMax: number;
}

const MESSAGE_MAX = 2_000;

/** A stored value as text that can be scrolled, or what is stored where it cannot be decoded. */
export function Value({ name, stored, charactersMax }: ValueParts): VNode {
  if (!stored.isReadable) {
    return <Unreadable name={name} reason={stored.reason} text={stored.text} charactersMax={charactersMax} />;
  }
  const { value } = stored;
  const isError = value instanceof Error;
  const more = isError ? detailsOf(value) : value;
  if (more === undefined && isError) {
    return <Message error={value} />;
  }
  const { text, isCut } = shownValue(more, { charactersMax });
  return (
    <>
      {isError ? <Message error={value} /> : null}
      <pre class="value" tabindex={0} role="region" aria-label={`${name}, as text`}>
        {text}
      </pre>
      {isCut ? <p class="muted">Only a part is shown: the value is larger than this page shows.</p> : null}
    </>
  );
}

function Message({ error }: { error: Error }): VNode | null {
  const message = textOf(error, "message");
  if (message === undefined) {
    return null;
  }
  const isLong = message.length > MESSAGE_MAX;
  return (
    <p class="message">
      <strong>
        <Stored text={textOf(error, "name") ?? "Error"} />
      </strong>
      {": "}
      <Stored text={message.slice(0, MESSAGE_MAX)} lines />
      {isLong ? " …" : ""}
    </p>
  );
}

/** What an error has beside its name and message; `undefined` if that is nothing. What it was caused by is one of its parts. */
function detailsOf(error: Error): object | undefined {
  const {
    name: _name,
    message: _message,
    stack: _stack,
    ...details
  } = Object.getOwnPropertyDescriptors(error);
  const shown = Object.entries(details).map(([name, one]) => [name, { ...one, enumerable: true }]);
  return shown.length === 0
    ? undefined
    : Object.defineProperties<object>({}, Object.fromEntries(shown) as PropertyDescriptorMap);
}

/** A class of the application's may have made it a getter. */
function textOf(error: Error, name: "message" | "name"): string | undefined {
  try {
    const text: unknown = error[name];
    return typeof text === "string" ? text : undefined;
  } catch {
    return undefined;
  }
}

function Unreadable({
  name,
  reason,
  text,
  charactersMax,
}: Omit<ValueParts, "stored"> & { reason: string; text: string }): VNode {
  const left = text.length - charactersMax;
  return (
    <>
      <Note tone="stuck">
        <p>
          This application cannot decode it: <Stored text={reason.slice(0, MESSAGE_MAX)} />. What follows is
          the text as it is stored.
        </p>
      </Note>
      <pre class="value wrap" tabindex={0} role="region" aria-label={`${name}, as text`}>
        {visible(text.slice(0, charactersMax))}
      </pre>
      {left > 0 ? <p class="muted">{`${numberOf(left)} more characters are not shown.`}</p> : null}
    </>
  );
}
