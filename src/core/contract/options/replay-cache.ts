import { checkFunctions } from "../../browser/option-checks.ts";

/** A store of texts that keeps each for a time: a Keyv instance, or what is like one. */
export interface ReplayCache {
  /** What keeps the keys of one database apart from others in the same store. Keyv's own default, `"keyv"`, is refused. */
  readonly namespace: string | undefined;
  /** What is kept under `key`; `undefined` if there is nothing. */
  get(key: string): Promise<unknown>;
  /** Keeps `value` under `key` for `ttlMs` milliseconds. */
  set(key: string, value: string, ttlMs: number): Promise<unknown>;
  /** Deletes what is kept under `key`. */
  delete(key: string): Promise<unknown>;
}

/** Keyv's, for whoever gives none. Two applications on one Redis would both have it. */
const DEFAULT_NAMESPACE = "keyv";

/** @throws TypeError for what cannot be a cache, and for one that shares its keys with any other. */
export function checkReplayCache(cache: ReplayCache | undefined): void {
  checkFunctions("replayCache", cache, ["get", "set", "delete"]);
  if (cache === undefined) {
    return;
  }
  const { namespace } = cache;
  if (typeof namespace !== "string" || namespace === "" || namespace === DEFAULT_NAMESPACE) {
    const found = namespace === DEFAULT_NAMESPACE ? "Keyv's default namespace" : "no namespace";
    throw new TypeError(
      `onceonly: option replayCache has ${found}; give one that no other database has in that store, for example ` +
        'new Keyv({ store, namespace: "shop-production" }): else one could be answered with the results of another.',
    );
  }
}
