import { misuse } from "../core/options.ts";
import { MissingSchemaError } from "./errors.ts";
import { modelsOf } from "./internals.ts";

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

/** Where the records are, for a client whose own description cannot be read. */
export interface ModelOptions {
  readonly record?: {
    /** Table name. Default `"idempotency_record"`. */
    readonly table?: string;
    /** Database schema. Default: the connection's own. */
    readonly schema?: string;
    /** Column names by field. Default: as in the model file. */
    readonly columns?: Partial<Record<Field, string>>;
  };
}

/**
 * Names of the table and its columns: from the option, else from the client (`@@map`, `@map`, `@@schema`), else as
 * shipped.
 *
 * @throws MissingSchemaError when the client was generated without the model.
 */
export function tableNames(client: object, models: ModelOptions | undefined): TableNames {
  const given = models?.record;
  const described = given === undefined ? describedNames(client) : undefined;
  const schema = given?.schema ?? described?.schema;
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
): { table: string; schema: string | undefined; columns: object } | undefined {
  const described = modelsOf(client);
  if (described === undefined) {
    return undefined;
  }
  const model = described[MODEL];
  if (model === undefined) {
    throw new MissingSchemaError(
      `The Prisma client has no model ${MODEL}: copy prisma/<provider>/idempotency.prisma of the package onceonly ` +
        "into your schema, run `prisma generate` and migrate.",
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
