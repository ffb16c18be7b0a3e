import type { SoakDatabase } from "./database.ts";
import { openSoakGalera } from "./galera.ts";
import { openSoakMariadb } from "./mariadb.ts";
import { openSoakPostgresql } from "./postgresql.ts";
import { openSoakSqlite } from "./sqlite.ts";

export const DATABASES: Readonly<Record<string, (servers: number) => Promise<SoakDatabase>>> = {
  postgresql: openSoakPostgresql,
  mariadb: openSoakMariadb,
  galera: openSoakGalera,
  sqlite: openSoakSqlite,
};
