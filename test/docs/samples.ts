/**
 * The TypeScript samples of the documents, as files. A block whose first line is a comment such as `// trpc.ts` is
 * that file; the samples of a document import each other by these names, and those of the quick start everywhere.
 */
import { posix } from "node:path";
import { codeBlocks, documents, read, root } from "./markdown.ts";

export interface Sample {
  readonly document: string;
  readonly file: string;
  readonly line: number;
  readonly code: string;
}

/** They make up one application, from which the samples of all other documents may import. */
const QUICK_START = ["README.md", "docs/guides/getting-started.md"];

/** Where an import of a sample leads in this repository. */
function targets(provider: "sqlite" | "postgresql"): Readonly<Record<string, string>> {
  return {
    onceonly: `${root}src/index.ts`,
    "onceonly/trpc": `${root}src/trpc/index.ts`,
    "onceonly/trpc/client": `${root}src/trpc/client/index.ts`,
    "onceonly/yoga": `${root}src/yoga/index.ts`,
    "onceonly/client": `${root}src/client/index.ts`,
    "onceonly/react": `${root}src/react/index.ts`,
    "onceonly/messages": `${root}src/messages/index.ts`,
    "onceonly/console": `${root}src/console/index.ts`,
    "onceonly/testing": `${root}src/testing/index.ts`,
    "onceonly/testing/crash": `${root}src/testing/crash/index.ts`,
    "onceonly/http": `${root}src/http/index.ts`,
    "./generated/prisma/client.ts": `${root}test/support/generated/${provider}/client.ts`,
  };
}

function samplesOf(document: string): Sample[] {
  return codeBlocks(read(document))
    .filter(({ language }) => language === "ts")
    .map(({ code, line }) => {
      const file = /^\/\/ ([\w-]+\.ts)\n/.exec(code)?.[1] ?? `line-${line}.ts`;
      return { document, file, line, code };
    });
}

/** The samples of a document and of the quick start, with imports that lead into this repository, by path. */
export function filesOf(
  document: string,
  folder: string,
  provider: "sqlite" | "postgresql",
): ReadonlyMap<string, Sample> {
  const samples = [...QUICK_START.filter((each) => each !== document), document].flatMap(samplesOf);
  return new Map(
    samples.map((sample) => [
      posix.join(folder, sample.file),
      { ...sample, code: redirected(sample.code, provider) },
    ]),
  );
}

export function documentsWithSamples(): string[] {
  return documents().filter((document) => samplesOf(document).length > 0);
}

function redirected(code: string, provider: "sqlite" | "postgresql"): string {
  const known = targets(provider);
  return code.replaceAll(/(from |import\()"([^"]+)"/g, (whole, before: string, name: string) =>
    known[name] === undefined ? whole : `${before}${JSON.stringify(known[name])}`,
  );
}
