import { useMemo, useState } from "react";
import { checkNames, checkOneOf } from "../core/browser/option-checks.ts";
import { intentText } from "./intent-text.ts";
import { onceKey, onceText, type Refusals, settleOnceKey } from "./once-key.ts";
import { type OpenKeys, openKey, settleKey } from "./open-key.ts";
import type { StorageOption } from "./storage.ts";

/** Options of {@link useIdempotencyKey}. */
export interface IntentKeyOptions {
  /**
   * What the user decided: an id, or a plain object of JSON values. Equal intents have equal keys. It must contain
   * everything that the mutation's input depends on, and nothing that changes by itself. It names the key in the storage:
   * use ids, not secrets.
   */
  readonly intent: unknown;
  /** Where a key survives a reload. Default: memory only. A storage that throws or is missing is ignored. */
  readonly storage?: StorageOption;
  /**
   * Whether the intent can succeed only once, like the payment of a cart that has an id. Its key is then the intent
   * itself, so it is the same in every tab and on every device, and stays after success. Default false.
   */
  readonly once?: boolean;
}

/** The key of one rendering's intent. */
export interface IntentKey {
  /**
   * Returns the key, which the first call makes. Call it in the event handler, and pass the key on with the mutation's
   * variables.
   */
  readonly key: () => string;
  /**
   * Reports how a mutation with this key ended: with the error, or with the `Response`; after a success nothing need be given.
   * The next intent then gets a new key, even with the same input. The key stays after an error of which the server has not
   * told that it is `stored`, or the key `refused`, and after any answer told to be `released`: pass the library's error as
   * it is, or one that has the `Response` as its `response`. With `once`, only an error that is `stored`, and leaves no data
   * beside it, makes a new key.
   */
  readonly settle: (key: string, ending?: unknown) => void;
}

/**
 * One key per user intent: the same across renderings, retries and double clicks, and with `storage` across reloads; a
 * new one when the intent changes, or once it is settled. Nothing is made or stored while rendering. On a server, where there is
 * no `window`, both functions throw a TypeError: nobody clicks there.
 *
 * @throws TypeError for an option that cannot be used, and for an intent that JSON cannot hold
 */
export function useIdempotencyKey(options: IntentKeyOptions): IntentKey {
  checkNames(options, ["intent", "storage", "once"] satisfies (keyof IntentKeyOptions)[]);
  const { storage, once = false } = options;
  if (typeof storage === "string") {
    checkOneOf("storage", storage, ["sessionStorage", "localStorage"]);
  }
  const text = once ? onceText(options.intent) : intentText(options.intent);
  // Next.js renders with a React of its own. In `serverExternalPackages` this module has the application's, whose hooks fail
  // there: "Invalid hook call".
  return typeof window === "undefined" ? ON_SERVER : useOpenKeys({ storage, once, text });
}

const ON_SERVER: IntentKey = { key: () => clickedOnServer("key"), settle: () => clickedOnServer("settle") };

function clickedOnServer(name: keyof IntentKey): never {
  throw new TypeError(
    `onceonly: ${name}() of useIdempotencyKey was called on a server, where there is no window; call it in an event handler.`,
  );
}

interface Intent {
  readonly storage: StorageOption;
  readonly once: boolean;
  readonly text: string;
}

function useOpenKeys({ storage, once, text }: Intent): IntentKey {
  const [keys] = useState<OpenKeys>(() => new Map());
  const [refusals] = useState<Refusals>(() => new Map());
  return useMemo<IntentKey>(
    () =>
      once
        ? {
            key: () => onceKey(refusals, storage, text),
            settle: (key, ending) => settleOnceKey(refusals, storage, { key, ending }),
          }
        : {
            key: () => openKey(keys, storage, text),
            settle: (key, ending) => settleKey(keys, storage, { text, key, ending }),
          },
    [keys, refusals, storage, text, once],
  );
}
