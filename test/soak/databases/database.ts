/** A database under attack, which the application reaches by way of relays. */
import type { Provider } from "../../support/providers.ts";
import type { Relay } from "../../support/relay.ts";

export type Row = Readonly<Record<string, unknown>>;

export interface SoakDatabase extends AsyncDisposable {
  readonly provider: Provider;
  /** One for each process of the application; none where a database is a file. */
  readonly relays: readonly Relay[];
  /** What the process of that number connects to. */
  urlFor(server: number): string;
  /** Options of the driver's pool (MariaDB). */
  readonly pool: Readonly<Record<string, unknown>>;
  /** What may happen to the database, by name. Each resolves when all is well again. */
  readonly deeds: Readonly<Record<string, () => Promise<void>>>;
  /** Asks the database itself. On a cluster, the node of that number. */
  query(sql: string, node?: number): Promise<Row[]>;
  /** How many nodes there are, each of which must agree in the end. */
  readonly nodes: number;
}

/**
 * For pools of MariaDB: a connection that is lost in a statement of its opening ends the process (mariadb 3.4.5, which Prisma 7.10 asks
 * for).
 */
export const NO_FIRST_STATEMENT = { sessionVariables: {} };
