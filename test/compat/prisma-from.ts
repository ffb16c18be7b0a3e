/**
 * Where imports of Prisma's packages, and of the clients generated for tests and examples, lead with the Prisma of another
 * folder. Both resolvers ask here: that of vitest (`projects.ts`) and that of child processes (`prisma-6/child.ts`).
 */
import { existsSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";

interface Redirected {
  source: string;
  /** The file that is said to import it. */
  from: string | undefined;
}

export interface PrismaFrom {
  /** Asked before an import is resolved. A package for which the folder has a file of the same name is that file. */
  redirect(source: string, from: string | undefined): Redirected;
  /** Asked with the file that was found. What is generated lies in the folder once more, under the same path. */
  relocate(file: string): string;
}

/** Two SQLite libraries in one process break each other's locks on a file, so the tests take that of the adapter. */
const ITS_OWN = /^(?:@prisma\/|@libsql\/client$)/;

const GENERATED = /^(?:test\/support|examples\/[^/]+)\/generated(?:\/|$)/;

/** `folder` is absolute, and two below `test`. */
export function prismaFrom(folder: string): PrismaFrom {
  const root = resolve(folder, "../../..");
  return {
    redirect(source, from) {
      if (!ITS_OWN.test(source)) return { source, from };
      const own = join(folder, `${source.replace("@prisma/", "")}.js`);
      if (from !== own && existsSync(own)) return { source: own, from };
      return { source, from: join(folder, "package.json") };
    },
    relocate(file) {
      const path = relative(root, file).split(sep).join("/");
      return GENERATED.test(path) ? join(folder, "generated", path) : file;
    },
  };
}
