import { PrismaPg } from "@prisma/adapter-pg";
import { ColumnTypeEnum } from "@prisma/driver-adapter-utils";
import { Pool, type QueryConfig } from "pg";

const charOid = 18;
const nameOid = 19;

/** The adapter refuses PostgreSQL's type "char", which its catalogs use, so it is told of another type. */
class CatalogPool extends Pool {
  readonly charColumns = new Set<string>();

  override query = (async (query: QueryConfig, values?: unknown[]) => {
    const result = await super.query(query, values);
    for (const field of result.fields.filter(({ dataTypeID }) => dataTypeID === charOid)) {
      field.dataTypeID = nameOid;
      this.charColumns.add(field.name);
    }
    return result;
  }) as unknown as Pool["query"];
}

/** PostgreSQL for the schema engine, which insists on the type "char" for those columns. */
export class CatalogAdapter extends PrismaPg {
  readonly #pool: CatalogPool;

  constructor(url: string) {
    const pool = new CatalogPool({ connectionString: url });
    pool.on("error", () => {});
    super(pool, { disposeExternalPool: true });
    this.#pool = pool;
  }

  override async connect() {
    const adapter = await super.connect();
    const queryRaw = adapter.queryRaw.bind(adapter);
    adapter.queryRaw = async (query) => {
      const result = await queryRaw(query);
      const columnTypes = result.columnTypes.map((type, index) =>
        this.#pool.charColumns.has(result.columnNames[index] ?? "") ? ColumnTypeEnum.Character : type,
      );
      return { ...result, columnTypes };
    };
    return adapter;
  }
}
