import { checkSignal } from "../browser/option-checks.ts";
import { answerPlace, type TextPlace } from "../contract/options/encryption.ts";
import { checkOptionNames, type OptionNames } from "../contract/options/option-names.ts";
import type { Store } from "../contract/store.ts";
import type { Reencrypted, ReencryptOptions } from "../contract/upkeep/reencryption.ts";
import type { RewriteParams, StoredRecord } from "../contract/upkeep/upkeep-store.ts";
import { pastConflicts } from "../retry/past-conflicts.ts";
import type { Cipher } from "./cipher.ts";

const OPTIONS: OptionNames<Required<ReencryptOptions>> = { signal: true };
const PAGE = 500;
/** Fewer than connections in a pool: runs go on meanwhile. */
const AT_A_TIME = 4;

/** Encrypts what the tables hold by the current key, record by record. `store` is the one that does not decrypt. */
export async function reencrypt(
  store: Store<unknown>,
  cipher: Cipher | undefined,
  options: ReencryptOptions = {},
): Promise<Reencrypted> {
  checkOptionNames(options, OPTIONS);
  checkSignal(options.signal);
  if (cipher?.encrypts !== true) {
    throw new TypeError(
      "onceonly: reencrypt() needs option encryption of createIdempotency, with a current key; give the old keys too.",
    );
  }
  await cipher.ready();
  const done = { records: 0, rewritten: 0, unreadable: 0 };
  // By their ids: a heartbeat changes when a record expires, and could move it past whoever goes by that.
  for (let after = ""; ; ) {
    const from = after;
    const page = await pastConflicts(store, "reencrypt", () => store.upkeep.ids(from, PAGE));
    for (let n = 0; n < page.length; n += AT_A_TIME) {
      if (options.signal?.aborted === true) {
        return done;
      }
      const ids = page.slice(n, n + AT_A_TIME);
      await Promise.all(ids.map((id) => reencryptRecord(store, cipher, id, done)));
    }
    const last = page.at(-1);
    if (last === undefined) {
      return done;
    }
    after = last;
  }
}

async function reencryptRecord(
  store: Store<unknown>,
  cipher: Cipher,
  id: string,
  done: { records: number; rewritten: number; unreadable: number },
): Promise<void> {
  const record = await pastConflicts(store, "reencrypt", () => store.upkeep.inspect(id));
  done.records += 1;
  for (const { text, place, column } of record === undefined ? [] : textsOf(id, record)) {
    if (cipher.isOutdated(text)) {
      const opened = await cipher.open(text, place);
      if (cipher.isSealed(opened)) {
        done.unreadable += 1;
        continue;
      }
      const to = await cipher.seal(opened, place);
      const isRewritten = await pastConflicts(store, "reencrypt", () =>
        store.upkeep.rewrite({ id, column, from: text, to }),
      );
      done.rewritten += isRewritten ? 1 : 0;
    }
  }
}

interface StoredText {
  readonly text: string;
  readonly place: TextPlace;
  readonly column: RewriteParams["column"];
}

function textsOf(id: string, { status, response, input, steps }: StoredRecord): readonly StoredText[] {
  const answer = { text: response, place: answerPlace(id, status), column: "response" as const };
  const stored = { text: input, place: { id, column: "input" as const }, column: "input" as const };
  return [
    ...[answer, stored].flatMap(({ text, ...where }) => (text === null ? [] : [{ text, ...where }])),
    ...steps.map(({ name, response: text }) => ({
      text,
      place: { id, column: "step" as const, name },
      column: { step: name },
    })),
  ];
}
