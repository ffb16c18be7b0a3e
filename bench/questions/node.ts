import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { DatabaseKind, Servers } from "../databases/database.ts";
import { CALLERS, measureFleets, openServer } from "../fleets.ts";
import type { OnNode } from "../results.ts";
import type { Settings } from "../settings.ts";

/** Fresh keys under this Node.js and under a newer one, each in a process of its own. */
export async function measureNode(
  kind: DatabaseKind,
  servers: Servers,
  settings: Settings,
  newer: string,
): Promise<OnNode[]> {
  await using database = await kind.open(servers);
  await using here = await openServer(database, settings);
  await using there = await openServer(database, settings, newer);
  const fleets = [here, there].map((server) => ({ name: server.node, servers: [server] }));
  const measured = await measureFleets(database, fleets, settings);
  return [...measured].map(([node, contenders]) => ({
    database: database.name,
    node,
    concurrency: CALLERS,
    contenders,
  }));
}

/** The path of the other Node.js, or why there is none. */
export function newerNode(): { readonly path: string } | { readonly missing: string } {
  const name = `node-${process.platform}-${process.arch}`;
  let version: string;
  let path: string;
  try {
    const require = createRequire(import.meta.url);
    const manifest = require.resolve(`${name}/package.json`);
    ({ version } = require(manifest) as { version: string });
    path = join(manifest, "..", "bin", "node");
  } catch {
    return { missing: `a second Node.js is not there: the package ${name} is not installed in bench/` };
  }
  if (!existsSync(path)) return { missing: `a second Node.js is not there: ${name} has no bin/node` };
  const [major] = version.split(".");
  const [ownMajor] = process.versions.node.split(".");
  return major === ownMajor
    ? { missing: `a second Node.js is not there: the benchmark itself runs on ${major}` }
    : { path };
}
