/** Loaded into child processes before all else: there, vitest resolves nothing. Reaches `import`, not `require`. */
import { type ResolveHook, register } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isMainThread } from "node:worker_threads";
import { prismaFrom } from "../prisma-from.ts";

const { redirect, relocate } = prismaFrom(process.env["PRISMA_FROM"] ?? "");

const pathOf = (url: string | undefined) => (url?.startsWith("file:") ? fileURLToPath(url) : undefined);
const urlOf = (path: string) => pathToFileURL(path).href;

export const resolve: ResolveHook = async (specifier, context, next) => {
  const importer = pathOf(context.parentURL);
  const { source, from } = redirect(specifier, importer);
  const found = await next(
    source === specifier ? specifier : urlOf(source),
    from === undefined || from === importer ? context : { ...context, parentURL: urlOf(from) },
  );
  const file = pathOf(found.url);
  const moved = file && relocate(file);
  return moved === undefined || moved === file ? found : { ...found, url: urlOf(moved) };
};

// Node runs hooks in a thread of their own, into which it loads this file once more.
if (isMainThread) register(import.meta.url);
