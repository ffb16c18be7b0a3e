/**
 * Adds the optional packages of other platforms that package-lock.json lacks. Run it after `npm install` with a
 * registry that does not carry all of them: npm then leaves them out, and `npm ci` refuses the lockfile.
 * Their versions are pinned by the packages that ask for them; the platform stands in their names.
 */
import { readFileSync, writeFileSync } from "node:fs";

interface Locked {
  readonly version?: string;
  readonly cpu?: string[] | undefined;
  readonly dev?: boolean | undefined;
  readonly libc?: string[] | undefined;
  readonly license?: string | undefined;
  readonly optional?: boolean;
  readonly os?: string[] | undefined;
  readonly engines?: Record<string, string> | undefined;
  readonly optionalDependencies?: Record<string, string>;
}

const path = "package-lock.json";
const lock = JSON.parse(readFileSync(path, "utf8")) as { packages: Record<string, Locked> };
const before = Object.keys(lock.packages).length;

for (const parent of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const platform = platformOf(name);
    const key = `node_modules/${name}`;
    if (key in lock.packages || platform === undefined || !/^\d/.test(version)) continue;
    const { dev, license, engines } = parent;
    const { cpu, libc, os } = platform;
    // In npm's order. JSON leaves out what is undefined.
    lock.packages[key] = { version, cpu, dev, libc, license, optional: true, os, engines };
  }
}

const sorted = Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, "en"));
lock.packages = Object.fromEntries(sorted);
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${path}: added ${sorted.length - before} packages`);

/** `@scope/binding-linux-arm64-musl`: Linux, arm64, musl. Undefined when the name tells no platform. */
function platformOf(name: string): Pick<Locked, "os" | "cpu" | "libc"> | undefined {
  const pattern =
    /\b(aix|android|darwin|freebsd|linux|openharmony|win32)-(arm64|arm|ia32|ppc64|riscv64|s390x|x64)\b-?(\w*)/;
  const [, os, cpu, abi = ""] = pattern.exec(name) ?? [];
  if (os === undefined || cpu === undefined) return undefined;
  const libc = os === "linux" && abi !== "" ? [abi.startsWith("musl") ? "musl" : "glibc"] : undefined;
  return { os: [os], cpu: [cpu], libc };
}
