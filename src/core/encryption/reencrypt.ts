import type { TextPlace } from "../contract/encryption.ts";
import { checkOptionNames, type OptionNames } from "../contract/option-names.ts";
import type { Reencrypted, ReencryptOptions } from "../contract/reencryption.ts";
import type { Store } from "../contract/store.ts";
import type { Place, RewriteParams, StoredRecord } from "../contract/upkeep-store.ts";
import { pastConflicts } from "../retry/past-conflicts.ts";
import type { Cipher } from "./cipher.ts";

const OPTIONS: OptionNames<Required<ReencryptOptions>> = { signal: true };
const PAGE = 500;

/** Encrypts what the tables hold by the current key, record by record. `store` is the one that does not decrypt. */
export async function reencrypt(
  store: Store<unknown>,
  cipher: Cipher | undefined,
  options: ReencryptOptions = {},
): Promise<Reencrypted> {
  checkOptionNames(options, OPTIONS);
  if (cipher === undefined) {
    throw new TypeError(
      "onceonly: reencrypt() needs option encryption of createIdempotency; give the keys, the old ones too.",
    );
  }
  await cipher.ready();
  const done = { records: 0, rewritten: 0, unreadable: 0 };
  const { signal } = options;
  let after: Place | undefined;
  do {
    const from = after;
    const page = await pastConflicts(store, "reencrypt", () =>
      store.upkeep.list({ filter: {}, after: from, upTo: undefined, limit: PAGE }),
    );
    for (const { place } of page) {
      if (signal?.aborted === true) {
        return done;
      }
      await reencryptRecord(store, cipher, place.id, done);
    }
    after = page.length < PAGE ? undefined : page.at(-1)?.place;
  } while (after !== undefined);
  return done;
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

function textsOf(id: string, { response, input, steps }: StoredRecord): readonly StoredText[] {
  const columns = [
    ["response", response],
    ["input", input],
  ] as const;
  return [
    ...columns.flatMap(([column, text]) => (text === null ? [] : [{ text, place: { id, column }, column }])),
    ...steps.map(({ name, response: text }) => ({
      text,
      place: { id, column: "step" as const, name },
      column: { step: name },
    })),
  ];
}
