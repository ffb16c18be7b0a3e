import { isRefusedForAll } from "../core/browser/answer-class.ts";
import { misuse } from "../core/browser/option-checks.ts";
import { type StorageOption, tryStorage } from "./storage.ts";

const PREFIX = "onceonly-refused:";

/** How often each intent was refused, by its text. */
export type Refusals = Map<string, number>;

/**
 * The key of an intent that succeeds at most once: its own text, and how often it was refused. Every tab and device
 * arrives at the same key without knowing of the others: one that lags behind first gets the old refusal as its answer.
 */
export function onceKey(refusals: Refusals, storage: StorageOption, text: string): string {
  return `${text}.${countOf(refusals, storage, text)}`;
}

/**
 * Counts a refusal of the current key; an older key was counted before. Only a refusal that is told to be stored counts: a
 * tab or device that has not heard of it still sends that key, which must not execute once a later key has. `KEY_REUSED`
 * does not count: with another input, the intent may have succeeded.
 */
export function settleOnceKey(
  refusals: Refusals,
  storage: StorageOption,
  { key, ending }: { readonly key: string; readonly ending: unknown },
): void {
  const at = key.lastIndexOf(".");
  const text = key.slice(0, at);
  const refused = Number(key.slice(at + 1)) + 1;
  if (!isRefusedForAll(ending) || refused <= countOf(refusals, storage, text)) {
    return;
  }
  refusals.set(text, refused);
  tryStorage(storage, (it) => it.setItem(PREFIX + text, String(refused)));
}

/** @throws TypeError for an intent that cannot be part of a key */
export function onceText(intent: unknown): string {
  const text = Number.isFinite(intent) ? String(intent) : intent;
  if (typeof text !== "string" || !/^[\x20-\x7e]{1,240}$/.test(text)) {
    throw misuse("intent", intent, "with once: true an id of 1 to 240 printable ASCII characters");
  }
  return text;
}

function countOf(refusals: Refusals, storage: StorageOption, text: string): number {
  const stored = Number(tryStorage(storage, (it) => it.getItem(PREFIX + text)) ?? 0);
  return Math.max(refusals.get(text) ?? 0, Number.isSafeInteger(stored) ? stored : 0);
}
