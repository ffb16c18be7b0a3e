import { useMemo, useState } from "react";
import { intentText } from "./intent-text.ts";
import { onceKey, onceText, type Refusals, settleOnceKey } from "./once-key.ts";
import { type OpenKeys, openKey, settleKey } from "./open-key.ts";
import type { StorageOption } from "./storage.ts";

/** Options of {@link useIdempotencyKey}. */
export interface IntentKeyOptions {
  /**
   * What the user decided: an id, or a plain object of JSON values. Equal intents have equal keys. It must hold
   * whatever the mutation's input depends on, and nothing that changes by itself. It is the name of the key in the
   * storage: ids, not secrets.
   */
  readonly intent: unknown;
  /** Where a key survives a reload. Default: memory only. One that throws, or is not there, is done without. */
  readonly storage?: StorageOption;
  /**
   * Whether the intent can succeed once only, as the payment of a cart that has an id. Its key is then the intent itself,
   * hence the same in every tab and on every device, and stays after success. Default false.
   */
  readonly once?: boolean;
}

/** The key of the intent of one rendering. */
export interface IntentKey {
  /** The key, made at the first call. Call it in the event handler, and pass it on with the mutation's variables. */
  readonly key: () => string;
  /**
   * Says how a mutation with this key ended. After success, and after an error that is an answer (4xx but 401, 403,
   * 408, 409, 425, 429), the next intent gets a new key, also with the same input; with `once` only after such an error
   * that the server has stored: not after `KEY_REUSED` (the intent may have succeeded, with another input), nor after what
   * may come from in front of the handler (400, 404, 405, 406, 411, 413, 414, 415, 431).
   * After any other error the key stays.
   */
  readonly settle: (key: string, error?: unknown) => void;
}

/**
 * One key per user intent: the same over renderings, retries and double clicks, and with `storage` over reloads; a new
 * one when the intent changes, or once it is settled. Nothing is made or stored while rendering.
 *
 * @throws TypeError for an intent that JSON cannot hold
 */
export function useIdempotencyKey({ intent, storage, once = false }: IntentKeyOptions): IntentKey {
  const [keys] = useState<OpenKeys>(() => new Map());
  const [refusals] = useState<Refusals>(() => new Map());
  const text = once ? onceText(intent) : intentText(intent);
  return useMemo<IntentKey>(
    () =>
      once
        ? {
            key: () => onceKey(refusals, storage, text),
            settle: (key, error) => settleOnceKey(refusals, storage, { key, error }),
          }
        : {
            key: () => openKey(keys, storage, text),
            settle: (key, error) => settleKey(keys, storage, { text, key, error }),
          },
    [keys, refusals, storage, text, once],
  );
}
