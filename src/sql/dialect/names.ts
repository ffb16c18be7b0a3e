import { misuse } from "../../core/browser/option-checks.ts";
import { StoreError } from "./store-error.ts";

/** Columns by the field names of the models, as shipped in `prisma/`. */
const SHIPPED = {
  record: {
    model: "IdempotencyRecord",
    table: "idempotency_record",
    columns: {
      id: "id",
      scope: "scope",
      operation: "operation",
      key: "key",
      fingerprint: "fingerprint",
      status: "status",
      owner: "owner",
      attempt: "attempt",
      lockedUntil: "locked_until",
      response: "response",
      input: "input",
      createdAt: "created_at",
      completedAt: "completed_at",
      expiresAt: "expires_at",
    },
  },
  step: {
    model: "IdempotencyStep",
    table: "idempotency_step",
    columns: {
      recordId: "record_id",
      name: "name",
      recordCreatedAt: "record_created_at",
      response: "response",
      createdAt: "created_at",
    },
  },
} as const;

type Shipped = typeof SHIPPED;
type Kind = keyof Shipped;

/** What stands around a name in SQL: a double quote by the standard. */
export type QuoteMark = '"' | "`";

/** The names of one table as written in SQL: quoted, the table with its schema. */
export interface TableNames<TKind extends Kind = Kind> {
  readonly table: string;
  readonly columns: Readonly<Record<keyof Shipped[TKind]["columns"], string>>;
}

/** The names of both tables. */
export interface Names {
  readonly record: TableNames<"record">;
  readonly step: TableNames<"step">;
}

/** Where the rows of one model are stored. */
export interface ModelNames<TField extends string> {
  /** Table name. Default: as in the client, or in the model file. */
  readonly table?: string;
  /** Database schema. Default: as in the client, or the connection's own. */
  readonly schema?: string;
  /** Column names by field. Default: as in the client, or in the model file. */
  readonly columns?: Partial<Record<TField, string>>;
}

/** Where our rows are stored, if the client does not describe it: Prisma 6 does not tell the schema. */
export interface ModelOptions {
  readonly record?: ModelNames<keyof Shipped["record"]["columns"]>;
  readonly step?: ModelNames<keyof Shipped["step"]["columns"]>;
}

/** What a generated client says about its models. */
export interface DescribedModels {
  /** By the models' names; `undefined` if the client does not describe them. */
  readonly models: Readonly<Record<string, DescribedModel>> | undefined;
  /** The database schema of the connection, where the client names one. */
  readonly schema: string | undefined;
}

/** A model as a client describes it, with the names in the database where they differ from those in the schema. */
interface DescribedModel {
  readonly dbName?: string | null;
  readonly schema?: string | null;
  readonly fields: readonly { readonly name: string; readonly dbName?: string | null }[];
}

/**
 * Names of tables and columns: each from the option, else from the client (`@@map`, `@map`, and `@@schema`, which
 * Prisma 6 does not tell), else as shipped.
 *
 * @throws StoreError `misconfigured` if the client was generated without the models.
 */
export function namesIn(
  client: DescribedModels,
  models: ModelOptions | undefined,
  style: NamingStyle,
): Names {
  return {
    record: tableNames(client, "record", models, style),
    step: tableNames(client, "step", models, style),
  };
}

/** How a database writes names, and where the package has its models. */
export interface NamingStyle {
  readonly quoteMark: QuoteMark;
  /** The folder of the package that has the models. */
  readonly folder: string;
}

function tableNames<TKind extends Kind>(
  client: DescribedModels,
  kind: TKind,
  models: ModelOptions | undefined,
  { quoteMark: mark, folder }: NamingStyle,
): TableNames<TKind> {
  const quoted = (name: string) => mark + name.replaceAll(mark, mark + mark) + mark;
  const given: ModelNames<string> | undefined = models?.[kind];
  const described = describedNames(
    client.models,
    SHIPPED[kind].model,
    given === undefined ? folder : undefined,
  );
  const schema = given?.schema ?? described?.schema ?? client.schema;
  const table = given?.table ?? described?.table ?? SHIPPED[kind].table;
  const columns = { ...SHIPPED[kind].columns, ...described?.columns, ...given?.columns };
  return {
    table: schema ? `${quoted(schema)}.${quoted(table)}` : quoted(table),
    columns: Object.fromEntries(
      Object.entries(columns).map(([field, column]) => [field, quoted(column)]),
    ) as TableNames<TKind>["columns"],
  };
}

/** @throws TypeError */
export function checkModels(models: unknown): void {
  const given = objectOf("models", models);
  for (const kind of Object.keys(SHIPPED)) {
    checkModel(`models.${kind}`, given[kind]);
  }
}

function checkModel(option: string, model: unknown): void {
  const { table, schema, columns } = objectOf(option, model);
  const names = Object.entries(objectOf(`${option}.columns`, columns));
  for (const [field, name] of [
    ["table", table],
    ["schema", schema],
    ...names.map(([field, name]) => [`columns.${field}`, name]),
  ]) {
    if (name !== undefined && (typeof name !== "string" || name === "")) {
      throw misuse(`${option}.${String(field)}`, name, "its name in the database, as text");
    }
    // A driver may cut the statement there.
    if (name?.includes("\0") === true) {
      throw misuse(`${option}.${String(field)}`, name, "its name in the database, without NUL");
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
  described: DescribedModels["models"],
  name: string,
  /** `undefined` where the client need not have the model. */
  folder: string | undefined,
): { table: string; schema: string | undefined; columns: object } | undefined {
  const model = described?.[name];
  if (described === undefined || (model === undefined && folder === undefined)) {
    return undefined;
  }
  if (model === undefined) {
    throw new StoreError(
      "misconfigured",
      `The Prisma client has no model ${name}: copy ${folder}/idempotency.prisma of the package onceonly ` +
        "into your schema (a folder, by `schema` in the Prisma config), run `prisma generate` and migrate.",
    );
  }
  return {
    table: model.dbName ?? name,
    schema: model.schema ?? undefined,
    columns: Object.fromEntries(model.fields.map(({ name: field, dbName }) => [field, dbName ?? field])),
  };
}

/** The name as the database keeps it. */
export function unquoted(name: string): string {
  const mark = name.slice(0, 1);
  return name.slice(1, -1).replaceAll(mark + mark, mark);
}

/** Of the name of a table, without quotes: its schema, if it names one, and its own name. */
export function partsOf(table: string): { readonly schema: string | undefined; readonly name: string } {
  const parts = table.match(/(["`])(?:(?!\1).|\1\1)*\1(?!\1)/gs) ?? [];
  const [name = table, schema] = parts.map(unquoted).toReversed();
  return { schema, name };
}
