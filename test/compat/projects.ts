/**
 * The suites that run a second time against another major version of a peer. Each version lives in a folder
 * of its own with its own node_modules; a resolver sends the imports of sources and tests there.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Plugin, TestProjectInlineConfiguration } from "vitest/config";
import { mariadbTestsLeftOut } from "../support/providers.ts";
import { prismaFrom } from "./prisma-from.ts";

const root = new URL("../../", import.meta.url);
const pathOf = (path: string): string => fileURLToPath(new URL(path, root));

/**
 * Resolves GraphQL and what is built on it as seen from `folder`.
 *
 * Vite would take graphql's ES module where Node, and so Yoga, takes its CommonJS one: two copies, and no
 * `instanceof` holds between them.
 */
export function graphqlFrom(folder: string): Plugin {
  const importer = pathOf(`${folder}package.json`);
  const { resolve } = createRequire(importer);
  return {
    name: "graphql-from",
    enforce: "pre",
    resolveId(source, _from, options) {
      if (/^graphql(\/|$)/.test(source)) return resolve(source);
      if (!/^(graphql-yoga|@envelop|@graphql-tools)(\/|$)/.test(source)) return undefined;
      return this.resolve(source, importer, { ...options, skipSelf: true });
    },
  };
}

/** Resolves Prisma's packages, and the generated clients, as seen from `folder`. */
function prismaPlugin(folder: string): Plugin {
  const { redirect, relocate } = prismaFrom(pathOf(folder));
  return {
    name: "prisma-from",
    enforce: "pre",
    async resolveId(source, from, options) {
      const asked = redirect(source, from);
      const found = await this.resolve(asked.source, asked.from, { ...options, skipSelf: true });
      return found === null ? undefined : relocate(found.id);
    },
  };
}

/** The suites of the compat folders that are installed. In CI each of them must be. */
export function compatProjects(): TestProjectInlineConfiguration[] {
  return [...compatProject("graphql-17", graphql17), ...compatProject("prisma-6", prisma6)];
}

function graphql17(folder: string): TestProjectInlineConfiguration {
  return {
    plugins: [graphqlFrom(folder)],
    test: { name: "graphql-17", include: ["test/yoga/**/*.test.ts"] },
  };
}

function prisma6(folder: string): TestProjectInlineConfiguration {
  return {
    plugins: [graphqlFrom("./"), prismaPlugin(folder)],
    test: {
      name: "prisma-6",
      include: [
        "test/{ambient,duplicates,errors,guard,replay,retention,store,transaction}/**/*.test.ts",
        "test/leases/{runs,steps,completer}.test.ts",
        "test/examples/{payments,saas,webhooks,programs,prisma-version,demo,ambient-pothos,ambient-services,ambient-t3}.test.ts",
      ],
      // The first two ask the schema engine of Prisma 7, the adapter of the third is made for it.
      exclude: ["test/store/{schema-drift,upgrade,pglite}.test.ts", ...mariadbTestsLeftOut()],
      globalSetup: [`${folder}generate.ts`],
      setupFiles: [`${folder}setup.ts`],
      // What a version of Prisma breaks shows in few rounds.
      env: { TEST_SCALE: "short" },
    },
  };
}

function compatProject(
  name: string,
  project: (folder: string) => TestProjectInlineConfiguration,
): TestProjectInlineConfiguration[] {
  const folder = `test/compat/${name}/`;
  if (existsSync(pathOf(`${folder}node_modules`))) return [project(folder)];
  const message = `LEFT OUT: suite "${name}". To run it: npm ci --ignore-scripts --prefix ${folder}`;
  if (process.env["CI"]) throw new Error(message);
  process.stderr.write(`${message}\n`);
  return [];
}
