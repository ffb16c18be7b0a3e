/** What must not stay behind, also when the run is interrupted: a filled database takes gigabytes. */
const removals = new Set<() => Promise<void>>();

/** Returns `remove`, to be called once; an interrupted run calls it instead. */
export function toRemove(remove: () => Promise<void>): () => Promise<void> {
  removals.add(remove);
  return async () => {
    removals.delete(remove);
    await remove();
  };
}

export async function removeAll(): Promise<void> {
  await Promise.allSettled([...removals].map((remove) => remove()));
}
