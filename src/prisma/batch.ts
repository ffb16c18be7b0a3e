/**
 * Answers what is asked in one turn of the event loop with one statement, as Prisma does for `findUnique`: at the rate
 * at which single statements are a burden, there are many in each turn.
 */
export class Batch<T> {
  readonly #load: (ids: readonly string[]) => Promise<ReadonlyMap<string, T>>;
  #next: { readonly ids: Set<string>; readonly loaded: Promise<ReadonlyMap<string, T>> } | undefined;

  constructor(load: (ids: readonly string[]) => Promise<ReadonlyMap<string, T>>) {
    this.#load = load;
  }

  async get(id: string): Promise<T | undefined> {
    this.#next ??= this.#begin();
    this.#next.ids.add(id);
    return (await this.#next.loaded).get(id);
  }

  #begin() {
    const ids = new Set<string>();
    const loaded = new Promise((resolve) => setImmediate(resolve)).then(() => {
      this.#next = undefined;
      return this.#load([...ids]);
    });
    return { ids, loaded };
  }
}
