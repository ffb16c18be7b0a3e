import { type Names, partsOf, type QuoteMark, type TableNames, unquoted } from "./names.ts";

/** A column as the tables of the package have it. */
export interface ColumnDefinition {
  readonly type: string;
  /** What stands after the type: `NOT NULL`, a default. */
  readonly rest?: string;
}

type Columns<TTable extends keyof Names> = Readonly<Record<keyof Names[TTable]["columns"], ColumnDefinition>>;

/** How a database makes our tables, and changes them. A test holds it against the models of the package. */
export interface TableDefinitions {
  readonly record: Columns<"record">;
  readonly step: Columns<"step">;
  readonly quoteMark: QuoteMark;
  /** What stands at the end of CREATE TABLE. */
  readonly options?: string;
  /** Whether a Prisma schema can say all of it. */
  readonly schemaSaysAll: boolean;
  /** How long the name of an index may be. */
  readonly nameLength: number;
  /** What gives a column of a table its type, the rest of its definition included; `undefined` if no statement does. */
  readonly retyping?: (table: string, column: string, definition: ColumnDefinition) => string;
  /** Whether ALTER TABLE adds primary keys, and to a table that has rows a column whose default is the time. */
  readonly altersFreely: boolean;
}

/** Which of our tables. */
export type Table = keyof Names;

/** The fields by which a row is found. */
export const keyOf = ({ record, step }: Names, table: Table): readonly string[] =>
  table === "record" ? [record.columns.id] : [step.columns.recordId, step.columns.name];

/** The SQL that makes of tables what this version needs. Nothing here runs it. */
export class Remedies {
  /** Whether tables that Prisma makes of a schema need nothing more. */
  readonly schemaSaysAll: boolean;
  readonly #definitions: TableDefinitions;

  constructor(definitions: TableDefinitions) {
    this.schemaSaysAll = definitions.schemaSaysAll;
    this.#definitions = definitions;
  }

  /** Makes a table, and its indexes. */
  createTable(names: Names, table: Table): string[] {
    const { table: name, columns } = names[table];
    const { options = "" } = this.#definitions;
    const lines = Object.entries<string>(columns).map(
      ([field, column]) => `    ${column} ${written(this.#definitionOf(table, field))}`,
    );
    const key = `    PRIMARY KEY (${keyOf(names, table).join(", ")})`;
    const create = `CREATE TABLE ${name} (\n${[...lines, key].join(",\n")}\n)${options}`;
    const { expiresAt, lockedUntil } = names.record.columns;
    return table === "record"
      ? [create, ...[expiresAt, lockedUntil].map((column) => this.createIndex(names.record, column))]
      : [create];
  }

  /** Adds a column; `undefined` if rows that are there would have no value for it. */
  addColumn({ table: name, columns }: TableNames, table: Table, field: string): string[] | undefined {
    const { rest = "", ...definition } = this.#definitionOf(table, field);
    const [, value] = /DEFAULT (.+)/.exec(rest) ?? [];
    const isConstant = value !== undefined && /^\d+$/.test(value);
    const fits = /NOT NULL/.test(rest)
      ? isConstant || (value !== undefined && this.#definitions.altersFreely)
      : true;
    const column: string | undefined = (columns as Readonly<Record<string, string>>)[field];
    return fits
      ? [`ALTER TABLE ${name} ADD COLUMN ${column} ${written({ ...definition, rest })}`]
      : undefined;
  }

  /** Gives a column, named as in the database, the type of the package; `undefined` if that takes more than a statement. */
  retype({ table: name, columns }: TableNames, table: Table, column: string): string[] | undefined {
    const [field, quoted] =
      Object.entries<string>(columns).find(([, each]) => unquoted(each) === column) ?? [];
    const { retyping } = this.#definitions;
    return field === undefined || quoted === undefined || retyping === undefined
      ? undefined
      : [retyping(name, quoted, this.#definitionOf(table, field))];
  }

  /** Keeps two rows of one key out. */
  addKey(names: Names, table: Table): string[] {
    const { table: name } = names[table];
    const columns = keyOf(names, table);
    return this.#definitions.altersFreely
      ? [`ALTER TABLE ${name} ADD PRIMARY KEY (${columns.join(", ")})`]
      : [`CREATE UNIQUE INDEX ${this.#nameOf(name, columns, "key")} ON ${name}(${columns.join(", ")})`];
  }

  /** Named as Prisma would, if that is not too long. */
  createIndex({ table }: TableNames, column: string): string {
    return `CREATE INDEX ${this.#nameOf(table, [column], "idx")} ON ${table}(${column})`;
  }

  #nameOf(table: string, columns: readonly string[], suffix: string): string {
    const { nameLength, quoteMark: mark } = this.#definitions;
    const end = `_${[...columns.map(unquoted), suffix].join("_")}`;
    const name = partsOf(table).name.slice(0, nameLength - end.length) + end;
    return mark + name.replaceAll(mark, mark + mark) + mark;
  }

  #definitionOf(table: Table, field: string): ColumnDefinition {
    const definitions: Readonly<Record<string, ColumnDefinition>> = this.#definitions[table];
    const definition = definitions[field];
    if (definition === undefined) {
      throw new Error(`no field ${field} in the ${table}`);
    }
    return definition;
  }
}

const written = ({ type, rest = "" }: ColumnDefinition) => (rest === "" ? type : `${type} ${rest}`);
