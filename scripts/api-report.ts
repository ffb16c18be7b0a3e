/**
 * Writes `api/<entry>.api.md`: the public API of each entry of the build, types included. With `--check` it writes nothing, and
 * fails where the build's API is another than the committed one, so that nobody changes it without seeing so.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import {
  CompilerState,
  Extractor,
  ExtractorConfig,
  ExtractorLogLevel,
  type ExtractorMessage,
  type IConfigFile,
} from "@microsoft/api-extractor";
import { type PublicEntry, publicEntries } from "./public-entries.ts";

const folder = "api";
const isCheck = process.argv.includes("--check");
const scratch = mkdtempSync(join(tmpdir(), "onceonly-api-"));
try {
  const reports = reportsOf(publicEntries());
  const stale = isCheck ? differing(reports) : write(reports);
  for (const name of stale) console.error(`${folder}/${name} is not the API of the build`);
  if (stale.length > 0) {
    console.error("If the change of the public API is meant, run `npm run api` and commit the folder `api`.");
    process.exitCode = 1;
  } else {
    console.log(`api: ${reports.size} entries, as in ${folder}/`);
  }
} finally {
  rmSync(scratch, { recursive: true });
}

/** `./trpc/client`: `trpc-client.api.md`. */
function fileOf({ subpath }: PublicEntry): string {
  const name = subpath === "." ? "index" : subpath.slice("./".length).replaceAll("/", "-");
  return `${name}.api.md`;
}

/** Each report by its file's name. */
function reportsOf(entries: readonly PublicEntry[]): Map<string, string> {
  const declarations = entries.map(({ name }) => resolve(`dist/${name}.d.ts`));
  const configs = entries.map((entry, index) => configOf(declarations[index] ?? "", fileOf(entry)));
  const [first] = configs;
  if (first === undefined) return new Map();
  // Compiling them together takes half as long as one by one.
  const compilerState = CompilerState.create(first, { additionalEntryPoints: declarations });
  return new Map(
    configs.map((config) => {
      const { succeeded } = Extractor.invoke(config, {
        compilerState,
        localBuild: true,
        messageCallback: silence,
      });
      if (!succeeded) throw new Error(`api-extractor could not read ${config.mainEntryPointFilePath}`);
      return [basename(config.reportFilePath), readFileSync(config.reportFilePath, "utf8")];
    }),
  );
}

function configOf(declarations: string, reportFileName: string): ExtractorConfig {
  const configObject: IConfigFile = {
    projectFolder: resolve(),
    mainEntryPointFilePath: declarations,
    newlineKind: "lf",
    compiler: {
      overrideTsconfig: {
        compilerOptions: {
          target: "es2023",
          lib: ["es2023", "dom", "dom.iterable"],
          module: "nodenext",
          strict: true,
          exactOptionalPropertyTypes: true,
          skipLibCheck: true,
          types: ["node"],
        },
        files: [declarations],
      },
    },
    apiReport: {
      enabled: true,
      // Such as the options that an exported type extends.
      includeForgottenExports: true,
      reportFileName,
      reportFolder: scratch,
      reportTempFolder: scratch,
    },
    docModel: { enabled: false },
    dtsRollup: { enabled: false },
    tsdocMetadata: { enabled: false },
  };
  return ExtractorConfig.prepare({
    configObject,
    configObjectFullPath: undefined,
    packageJsonFullPath: resolve("package.json"),
  });
}

/** Doc comments and the tags of releases are not its business here; errors still are. */
function silence(message: ExtractorMessage): void {
  message.handled = message.logLevel !== ExtractorLogLevel.Error;
}

function differing(reports: ReadonlyMap<string, string>): string[] {
  const committed = new Set(readdirSync(folder));
  const gone = [...committed].filter((name) => !reports.has(name));
  const other = [...reports].filter(
    ([name, report]) => !committed.has(name) || readFileSync(join(folder, name), "utf8") !== report,
  );
  return [...other.map(([name]) => name), ...gone];
}

function write(reports: ReadonlyMap<string, string>): string[] {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  for (const [name, report] of reports) writeFileSync(join(folder, name), report);
  return [];
}
