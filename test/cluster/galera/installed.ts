/** The parts of a Galera cluster, which npm does not have: a Debian package each. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Where distributions put Galera's library. */
const PROVIDERS = [
  "/usr/lib/galera/libgalera_smm.so",
  "/usr/lib64/galera-4/libgalera_smm.so",
  "/usr/lib64/galera/libgalera_smm.so",
];

export const galeraLibrary = (): string | undefined => PROVIDERS.find((path) => existsSync(path));

/** Path of a program, if PATH or a folder of servers has it. */
export function pathOfProgram(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/libexec"];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

const PROGRAMS = { mariadbd: "mariadb-server", "mariadb-install-db": "mariadb-server", rsync: "rsync" };

/** The packages that are missing. */
function missing(): string[] {
  const lacking = Object.entries(PROGRAMS).filter(([program]) => pathOfProgram(program) === undefined);
  const packages = lacking.map(([, name]) => name);
  return [...new Set([...packages, ...(galeraLibrary() === undefined ? ["galera-4"] : [])])];
}

/** Whether a run has what the cluster needs. In CI it must. */
export function hasGalera(): boolean {
  const packages = missing();
  if (packages.length === 0) return true;
  const message = `LEFT OUT: tests on a Galera cluster. To run them: apt-get install ${packages.join(" ")}`;
  if (process.env["CI"]) throw new Error(message);
  process.stderr.write(`${message}\n`);
  return false;
}
