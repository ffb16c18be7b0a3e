import { misuse } from "../core/misuse.ts";
import { StoreError } from "./errors.ts";
import { adapterSchemaOf, modelsOf } from "./internals.ts";

const MODEL = "IdempotencyRecord";

/** Columns by the field names of the model, as shipped in `prisma/`. */
const SHIPPED_COLUMNS = {
  id: "id",
  scope: "scope",
  operation: "operation",
  key: "key",
  fingerprint: "fingerprint",
  status: "status",
  owner: "owner",
  attempt: "attempt",
  response: "response",
  createdAt: "created_at",
  completedAt: "completed_at",
  expiresAt: "expires_at",
} as const;

type Field = keyof typeof SHIPPED_COLUMNS;

/** Names as they stand in SQL: quoted, the table with its schema. */
export interface TableNames {
  readonly table: string;
  readonly columns: Readonly<Record<Field, string>>;
}

/** Where the records are, as far as the client's own description does not tell: that of Prisma 6 lacks the schema. */
export interface ModelOptions {
  readonly record?: {
    /** Table name. Default: as in the client, or `"idempotency_record"`. */
    readonly table?: string;
    /** Database schema. Default: as in the client, or the connection's own. */
    readonly schema?: string;
    /** Column names by field. Default: as in the client, or in the model file. */
    readonly columns?: Partial<Record<Field, string>>;
  };
}

/**
 * Names of the table and its columns, each from the option, else from the client (`@@map`, `@map`, `@@schema`, which
 * Prisma 6 does not tell), else as shipped.
 *
 * @throws StoreError `schema_missing` when the client was generated without the model.
 */
export function tableNames(client: object, models: ModelOptions | undefined): TableNames {
  const given = models?.record;
  const described = describedNames(client, given !== undefined);
  const schema = given?.schema ?? described?.schema ?? adapterSchemaOf(client);
  const table = given?.table ?? described?.table ?? "idempotency_record";
  const columns = { ...SHIPPED_COLUMNS, ...described?.columns, ...given?.columns };
  return {
    table: schema ? `${quoted(schema)}.${quoted(table)}` : quoted(table),
    columns: Object.fromEntries(
      Object.entries(columns).map(([field, column]) => [field, quoted(column)]),
    ) as TableNames["columns"],
  };
}

/** @throws TypeError */
export function checkModels(models: unknown): void {
  const { record } = objectOf("models", models);
  const { table, schema, columns } = objectOf("models.record", record);
  const names = Object.entries(objectOf("models.record.columns", columns));
  for (const [field, name] of [
    ["table", table],
    ["schema", schema],
    ...names.map(([field, name]) => [`columns.${field}`, name]),
  ]) {
    if (name !== undefined && (typeof name !== "string" || name === "")) {
      throw misuse(`models.record.${String(field)}`, name, "its name in the database, as text");
    }
  }
}

function objectOf(option: string, value: unknown = {}): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) {
    throw misuse(option, value, 'an object such as { record: { table: "idempotency_record" } } for models');
  }
  return value as Readonly<Record<string, unknown>>;
}

function describedNames(
  client: object,
  isOptional: boolean,
): { table: string; schema: string | undefined; columns: object } | undefined {
  const described = modelsOf(client);
  const model = described?.[MODEL];
  if (described === undefined || (model === undefined && isOptional)) {
    return undefined;
  }
  if (model === undefined) {
    throw new StoreError(
      "schema_missing",
      `The Prisma client has no model ${MODEL}: copy prisma/<provider>/idempotency.prisma of the package onceonly ` +
        "into your schema (a folder, by `schema` in the Prisma config), run `prisma generate` and migrate.",
    );
  }
  return {
    table: model.dbName ?? MODEL,
    schema: model.schema ?? undefined,
    columns: Object.fromEntries(model.fields.map(({ name, dbName }) => [name, dbName ?? name])),
  };
}

/** Quoting by the SQL standard, which PostgreSQL and SQLite share. */
function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
