/** PgBouncer in transaction mode. Before version 1.21 it does not know named statements, and later ones may be told not to. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Folder, listening } from "./processes.ts";
import { knowsNames, namingPgbouncer, program } from "./programs.ts";

export interface Pgbouncer extends AsyncDisposable {
  /** The URL of a database, by way of PgBouncer. */
  through(url: string): string;
}

interface Options {
  readonly port: number;
  /** Of each database, which all clients share. Default 5. */
  readonly connections?: number | undefined;
  /** How many named statements it keeps on each of them. Default: none, as if it knew of no names. */
  readonly named?: number | undefined;
  /** Come after the others, and win. */
  readonly settings?: Readonly<Record<string, string | number>>;
  /** The databases that it knows. Default: all. */
  readonly databases?: string;
}

/** In front of the server of `target`. */
export async function startPgbouncer(target: string, options: Options): Promise<Pgbouncer> {
  const folder = await Folder.make();
  try {
    return await start(folder, new URL(target), options);
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

async function start(folder: Folder, target: URL, options: Options): Promise<Pgbouncer> {
  const { port, connections = 5, named = 0, settings = {}, databases = "*" } = options;
  const { hostname, username, password } = target;
  const pgbouncer = (named > 0 ? namingPgbouncer() : undefined) ?? program("pgbouncer");
  const file = join(folder.path, "pgbouncer.ini");
  await writeFile(
    file,
    `[databases]
${databases} = host=${hostname} port=${target.port || 5432} user=${username} ${password && `password=${decodeURIComponent(password)}`}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${connections}
max_client_conn = 500
ignore_startup_parameters = extra_float_digits,options
server_login_retry = 1
${knowsNames(pgbouncer) ? `max_prepared_statements = ${named}` : ""}
${Object.entries(settings)
  .map(([name, value]) => `${name} = ${value}`)
  .join("\n")}
`,
  );
  await folder.start("pgbouncer", pgbouncer, [file]);
  await listening(port);
  return {
    through(url) {
      const way = new URL(url);
      way.host = `127.0.0.1:${port}`;
      return way.href;
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
