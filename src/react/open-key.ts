import { isOver } from "../core/browser/answer-class.ts";
import { createIdempotencyKey } from "../core/browser/new-key.ts";
import { type StorageOption, tryStorage } from "./storage.ts";

const PREFIX = "onceonly:";

/** Keys by the text of their intent, from the first time they are asked for until they are settled. */
export type OpenKeys = Map<string, string>;

/**
 * The key of an intent that the user may have again. A key that this component has handed out comes first: another tab
 * may have settled it, but its outcome is not yet known here. A key that another tab has opened since then stays in the
 * storage.
 */
export function openKey(keys: OpenKeys, storage: StorageOption, text: string): string {
  const name = PREFIX + text;
  const key = keys.get(text) ?? (tryStorage(storage, (it) => it.getItem(name)) || createIdempotencyKey());
  keys.set(text, key);
  tryStorage(storage, (it) => it.getItem(name) || it.setItem(name, key));
  return key;
}

/** Ends the intent of a key, unless its ending leaves that open. A key that is no longer in use ends nothing. */
export function settleKey(
  keys: OpenKeys,
  storage: StorageOption,
  { text, key, ending }: { readonly text: string; readonly key: string; readonly ending: unknown },
): void {
  if (!isOver(ending)) {
    return;
  }
  const settled = new Set([text]);
  for (const [other, used] of keys) {
    if (used === key) {
      keys.delete(other);
      settled.add(other);
    }
  }
  for (const name of settled) {
    tryStorage(storage, (it) => {
      if (it.getItem(PREFIX + name) === key) it.removeItem(PREFIX + name);
    });
  }
}
