import { createIdempotency } from "onceonly";
import { recordId } from "../../src/core/request/identity.ts";
import { INPUT, OPERATION, SCOPE } from "../contenders/onceonly.ts";
import type { BenchDatabase, Client, FillParams, RecordTable } from "../databases/database.ts";
import { place, workOf } from "../shop.ts";

/** Of each table, the records that are replayed: spread over all of it. */
const REPLAYED = 50_000;

export interface Filled {
  readonly records: number;
  readonly fillSeconds: number;
  readonly prisma: Client;
  /** Those that are replayed. */
  readonly known: FillParams["known"];
}

export const requestOf = (key: string) => ({ operation: OPERATION, scope: SCOPE, key, input: INPUT });

/** A table of so many finished records. */
export async function fill(
  database: BenchDatabase,
  table: RecordTable,
  prisma: Client,
  records: number,
): Promise<Filled> {
  const begin = performance.now();
  const sample = await sampleRecord(database, prisma);
  const count = Math.min(REPLAYED, records);
  const step = Math.floor(records / count);
  const known = Array.from({ length: count }, (_, index) => {
    const key = `known-${index}`;
    // Of the sources: the package tells nobody how ids are made. That it is still so is checked below.
    return { position: (index + 1) * step, key, id: recordId({ scope: SCOPE, operation: OPERATION, key }) };
  });
  await database.empty();
  await table.insert({ count: records, expired: 0, known, sample });
  await table.settle();
  const { replayed } = await createIdempotency({ prisma }).run(
    requestOf(known[count - 1]?.key ?? ""),
    async () => null,
  );
  if (!replayed) throw new Error("a record that was filled in is not found by its key");
  return { records, fillSeconds: (performance.now() - begin) / 1_000, prisma, known };
}

/** A finished record, as the library writes it. */
export async function sampleRecord(database: BenchDatabase, prisma: Client): Promise<FillParams["sample"]> {
  await createIdempotency({ prisma }).run(requestOf("sample"), ({ tx }) =>
    place(tx, "sample", workOf("one")),
  );
  const [row] = await database.query(
    `SELECT fingerprint, response FROM idempotency_record WHERE key = 'sample'`,
  );
  const { fingerprint, response } = row ?? {};
  return { scope: SCOPE, operation: OPERATION, fingerprint: String(fingerprint), response: String(response) };
}
