import { shortKey } from "./format.ts";
import type { StoredRecord } from "./ledger.ts";

/** The answer that every retry gets. */
export function Stored({ record }: { readonly record: StoredRecord | undefined }) {
  if (record?.result === undefined) return null;
  return (
    <figure className="stored">
      <figcaption>
        Stored under <code title={record.key}>{shortKey(record.key)}</code> for every retry
      </figcaption>
      <pre>{JSON.stringify(JSON.parse(record.result), undefined, 2)}</pre>
    </figure>
  );
}
