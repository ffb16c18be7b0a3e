/**
 * Answers all lookups of one turn of the event loop with one statement, as Prisma does for `findUnique`. Where single
 * statements become a burden, each turn has many lookups.
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
