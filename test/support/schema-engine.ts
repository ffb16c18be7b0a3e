/**
 * Prisma's schema engine as WebAssembly, loaded by hand: the CLI's own engine is a download outside npm.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import {
  bindMigrationAwareSqlAdapterFactory,
  type SqlMigrationAwareDriverAdapterFactory,
} from "@prisma/driver-adapter-utils";

export interface SchemaFile {
  path: string;
  content: string;
}

interface Engine {
  diff(parameters: object): Promise<{ exitCode: number; stdout: string | null }>;
}

interface Glue {
  ["__wbg_set_wasm"]: (exports: WebAssembly.Exports) => void;
  SchemaEngine: { new: (options: object, log: () => void, adapter: unknown) => Promise<Engine> };
}

/**
 * Kept by the process, as the glue is: test files that share one load this module again. A second instance would be given what the
 * finalizers of the first free, and never answer again.
 */
const LOADED = Symbol.for("onceonly.test.schema-engine");
const kept = globalThis as { [LOADED]?: Promise<Glue> };

async function load(): Promise<Glue> {
  const path = createRequire(import.meta.url).resolve("@prisma/schema-engine-wasm/schema_engine_bg");
  const glue = (await import(pathToFileURL(path).href)) as Glue;
  const bytes = readFileSync(path.replace(/\.js$/, ".wasm"));
  const { instance } = await WebAssembly.instantiate(bytes, {
    "./schema_engine_bg.js": glue as unknown as WebAssembly.ModuleImports,
  });
  glue["__wbg_set_wasm"](instance.exports);
  (instance.exports["__wbindgen_start"] as () => void)();
  return glue;
}

async function diff(files: SchemaFile[], adapter: SqlMigrationAwareDriverAdapterFactory, options: object) {
  kept[LOADED] ??= load();
  const { SchemaEngine } = await kept[LOADED];
  const datamodels = files.map((file) => [file.path, file.content]);
  const bound = bindMigrationAwareSqlAdapterFactory(adapter);
  const engine = await SchemaEngine.new({ datamodels }, () => {}, bound);
  return engine.diff({
    to: { tag: "schemaDatamodel", files },
    shadowDatabaseUrl: null,
    filters: { externalTables: [], externalEnums: [] },
    ...options,
  });
}

/** The DDL with which Prisma would migrate an empty database to this schema. */
export async function ddlOf(
  files: SchemaFile[],
  adapter: SqlMigrationAwareDriverAdapterFactory,
): Promise<string> {
  const { stdout } = await diff(files, adapter, { from: { tag: "empty" }, script: true, exitCode: null });
  return stdout ?? "";
}

/** What Prisma would change in the database to reach this schema; undefined when nothing. */
export async function driftOf(
  files: SchemaFile[],
  adapter: SqlMigrationAwareDriverAdapterFactory,
): Promise<string | undefined> {
  const from = { tag: "schemaDatasource", files, configDir: "." };
  const { exitCode, stdout } = await diff(files, adapter, { from, script: true, exitCode: true });
  return exitCode === 0 ? undefined : (stdout ?? "");
}
