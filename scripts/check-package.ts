/**
 * Checks what no linter sees: every public symbol is documented, the built declarations compile by themselves,
 * and each built subpath reaches its own optional peers only, so that importing one never needs the others.
 */
import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, resolve, sep } from "node:path";
import ts from "typescript";
import { type PublicEntry, publicEntries } from "./public-entries.ts";

/** The optional peers that a subpath may import. */
const peersOf: Readonly<Record<string, readonly string[]>> = {
  ".": [],
  "./trpc": ["@trpc/server"],
  "./trpc/client": ["@trpc/client", "@trpc/server"],
  "./yoga": ["graphql", "graphql-yoga"],
  "./client": [],
  "./react": ["react"],
  "./http": [],
  "./messages": [],
  "./console": [],
  "./testing": [],
  "./testing/crash": [],
  "./opentelemetry": ["@opentelemetry/api"],
};

const { dependencies } = JSON.parse(readFileSync("package.json", "utf8")) as {
  dependencies: Record<string, string>;
};
const entries = publicEntries();
const problems = [...undocumented(entries), ...brokenDeclarations(entries), ...entries.flatMap(strayImports)];
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.log(`package: ${entries.length} subpaths, documented, each with its own peers only`);

function undocumented(all: PublicEntry[]): string[] {
  const program = ts.createProgram(
    all.map(({ source }) => source),
    { module: ts.ModuleKind.NodeNext, allowImportingTsExtensions: true, noEmit: true },
  );
  const checker = program.getTypeChecker();
  return all.flatMap(({ subpath, source }) => {
    const file = program.getSourceFile(source);
    const module = file && checker.getSymbolAtLocation(file);
    if (!module) return [`${source}: exports nothing`];
    return checker
      .getExportsOfModule(module)
      .filter((symbol) => {
        const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
        return target.getDocumentationComment(checker).length === 0;
      })
      .map((symbol) => `${subpath}: the export ${symbol.name} has no doc comment`);
  });
}

/** Our declaration files alone, as strictly as a user may compile; those of others are not our business. */
function brokenDeclarations(all: PublicEntry[]): string[] {
  const program = ts.createProgram(
    all.map(({ name }) => `dist/${name}.d.ts`),
    {
      module: ts.ModuleKind.NodeNext,
      strict: true,
      exactOptionalPropertyTypes: true,
      types: ["node"],
      noEmit: true,
    },
  );
  const dist = resolve("dist");
  return program
    .getSourceFiles()
    .filter((file) => resolve(file.fileName).startsWith(dist + sep))
    .flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)])
    .map(
      ({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`,
    );
}

function strayImports({ subpath, name }: PublicEntry): string[] {
  const peers = peersOf[subpath];
  if (peers === undefined)
    return [`${subpath}: scripts/check-package.ts does not say which peers it may import`];
  const allowed = new Set([...peers, ...Object.keys(dependencies), ...builtinModules]);
  return [".js", ".d.ts"].flatMap((extension) =>
    [...packagesReachedFrom(join("dist", name + extension))]
      .filter((used) => !used.startsWith("node:") && !allowed.has(used))
      .map((used) => `${subpath}: dist/${name}${extension} reaches ${used}, which is not its peer`),
  );
}

function packagesReachedFrom(start: string): Set<string> {
  const packages = new Set<string>();
  const files = new Set([start]);
  for (const file of files) {
    const { importedFiles } = ts.preProcessFile(readFileSync(file, "utf8"), true, true);
    for (const { fileName } of importedFiles) {
      if (fileName.startsWith(".")) {
        const target = join(dirname(file), fileName);
        files.add(file.endsWith(".d.ts") ? target.replace(/\.js$/, ".d.ts") : target);
      } else {
        packages.add(fileName.split("/", fileName.startsWith("@") ? 2 : 1).join("/"));
      }
    }
  }
  return packages;
}
