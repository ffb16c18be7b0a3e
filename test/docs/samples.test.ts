import { dirname } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { root } from "./markdown.ts";
import { documentsWithSamples, filesOf, type Sample } from "./samples.ts";

describe("the samples of the documents", () => {
  it("compile against the sources", () => {
    const files = documentsWithSamples().map((document) => {
      const folder = `${root}test/docs/virtual/${document.replaceAll("/", "-")}`;
      return [...filesOf(document, folder, "postgresql")];
    });
    expect(problemsOf(new Map(files.flat()))).toEqual([]);
  });

  it("are found wanting when they do not compile", () => {
    const code = `import { noSuchThing } from "${root}src/index.ts";\nexport const a: string = 1;\n`;
    const sample = { document: "x.md", file: "a.ts", line: 7, code };
    expect(problemsOf(new Map([[`${root}test/docs/virtual/a.ts`, sample]]))).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^x\.md:7: .*noSuchThing/),
        "x.md:8: Type 'number' is not assignable to type 'string'.",
      ]),
    );
  });
});

/** One program for all samples, as most of the work is reading the types of others. */
function problemsOf(files: ReadonlyMap<string, Sample>): string[] {
  const options = compilerOptions();
  const program = ts.createProgram([...files.keys()], options, hostWith(files, options));
  const problems = [...files].flatMap(([path, sample]) => {
    const source = program.getSourceFile(path);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ start = 0, messageText }) => {
        const line = sample.line + (source?.getLineAndCharacterOfPosition(start).line ?? 0);
        return `${sample.document}:${line}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
      },
    );
  });
  // The samples of the quick start stand beside those of every document.
  return [...new Set(problems)];
}

function compilerOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(`${root}tsconfig.json`, (path) => ts.sys.readFile(path)) as {
    config: unknown;
  };
  return ts.parseJsonConfigFileContent(config, ts.sys, root).options;
}

/** What is no sample is read once for all programs. */
const parsed = new Map<string, ts.SourceFile | undefined>();

/** The file system, and the samples as if they lay there. */
function hostWith(files: ReadonlyMap<string, Sample>, options: ts.CompilerOptions): ts.CompilerHost {
  const host = ts.createCompilerHost(options);
  const folders = new Set([...files.keys()].map((path) => dirname(path)));
  const real = { ...host };
  const getSourceFile: ts.CompilerHost["getSourceFile"] = (path, ...how) => {
    if (files.has(path)) return real.getSourceFile(path, ...how);
    const known = parsed.get(path) ?? real.getSourceFile(path, ...how);
    parsed.set(path, known);
    return known;
  };
  return Object.assign(host, {
    getSourceFile,
    fileExists: (path: string) => files.has(path) || real.fileExists(path),
    readFile: (path: string) => files.get(path)?.code ?? real.readFile(path),
    directoryExists: (path: string) => folders.has(path) || real.directoryExists?.(path) === true,
  });
}
