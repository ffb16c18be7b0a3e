/** The part of `sessionStorage` and `localStorage` that is used. */
export interface KeyStorage {
  getItem(name: string): string | null;
  setItem(name: string, value: string): void;
  removeItem(name: string): void;
}

/** Where keys survive a reload. A name is looked up when a key is asked for, so not while rendering. */
export type StorageOption = "sessionStorage" | "localStorage" | KeyStorage | undefined;

/** Calls a storage; `undefined` if there is none or it throws: a private window, no permission, no space. */
export function tryStorage<T>(option: StorageOption, call: (storage: KeyStorage) => T): T | undefined {
  try {
    const storage = typeof option === "string" ? globalThis[option] : option;
    return storage === undefined ? undefined : call(storage);
  } catch {
    return undefined;
  }
}
