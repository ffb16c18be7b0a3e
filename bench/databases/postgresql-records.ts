import type { RecordTable, Row } from "./database.ts";

/**
 * As full as an index is that has grown by random insertions; one built at once would be full, and the first claims
 * after it would pay for splitting its pages.
 */
const FILL_FACTOR = 70;

export function postgresqlRecords(
  query: (text: string, values?: readonly unknown[]) => Promise<readonly Row[]>,
): RecordTable {
  return {
    async insert({ count, expired, known, sample }) {
      await query(`ALTER TABLE idempotency_record DROP CONSTRAINT idempotency_record_pkey;
        DROP INDEX idempotency_record_expires_at_idx, idempotency_record_locked_until_idx;
        CREATE TEMP TABLE known (position bigint, id text, key text)`);
      await query("INSERT INTO known SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[])", [
        known.map(({ position }) => position),
        known.map(({ id }) => id),
        known.map(({ key }) => key),
      ]);
      await query(
        `INSERT INTO idempotency_record
           (id, scope, operation, key, fingerprint, status, owner, attempt, response, created_at, completed_at, expires_at)
         SELECT coalesce(known.id, rtrim(translate(encode(sha256(i::text::bytea), 'base64'), '+/', '-_'), '=')),
           $1, $2, coalesce(known.key, gen_random_uuid()::text), $3, 'completed', gen_random_uuid()::text, 1, $4,
           at, at, at + interval '1 day'
         FROM generate_series(1, $5::bigint) AS i
         LEFT JOIN known ON known.position = i,
         LATERAL (SELECT now() - CASE WHEN i <= $6 THEN interval '2 days' ELSE interval '1 hour' END
           + i * interval '1 microsecond' AS at) AS made`,
        [sample.scope, sample.operation, sample.fingerprint, sample.response, count, expired],
      );
      await query(`DROP TABLE known;
        ALTER TABLE idempotency_record ADD CONSTRAINT idempotency_record_pkey PRIMARY KEY (id) WITH (fillfactor = ${FILL_FACTOR});
        CREATE INDEX idempotency_record_expires_at_idx ON idempotency_record (expires_at);
        CREATE INDEX idempotency_record_locked_until_idx ON idempotency_record (locked_until)`);
    },
    async settle() {
      await query("VACUUM ANALYZE");
      await query("CHECKPOINT");
    },
    async bytes() {
      const [row] = await query(
        `SELECT pg_table_size('idempotency_record')::float8 AS "table", pg_indexes_size('idempotency_record')::float8 AS indexes`,
      );
      return { table: Number(row?.["table"]), indexes: Number(row?.["indexes"]) };
    },
  };
}
