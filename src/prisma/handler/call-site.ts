import { fileURLToPath } from "node:url";
import type { ClientRequest } from "../internals.ts";
import { currentScope, type HandlerScope, inScope } from "./scope.ts";

/**
 * Inside a handler, has `send` know later where it was asked for: Prisma sends a statement when its promise is awaited,
 * and no stack leads from there to the code. `asked` is the function that the code called.
 */
export function withCallSite<T extends AnyFunction>(send: T, asked: AnyFunction): T {
  const here = currentScope();
  // Extensions make promises of their own on the way to the database; where the first was made is the place.
  if (here === undefined || here.askedAt !== undefined) {
    return send;
  }
  const at: { stack?: string } = {};
  Error.captureStackTrace(at, asked);
  const noting = (...args: never[]): unknown => {
    const scope = currentScope();
    return scope === undefined
      ? send(...args)
      : inScope({ ...scope, askedAt: at.stack }, () => send(...args));
  };
  return noting as T;
}

type AnyFunction = (...args: never[]) => unknown;

/** File, line and column of the code that asked for `request`. */
export function callSiteOf({ askedAt = "" }: HandlerScope, { callsite }: ClientRequest): string | undefined {
  const frames = askedAt.split("\n").filter((line) => /^\s+at /.test(line) && !FOREIGN.test(line));
  // Where a bundler has put this package into one folder with the application, its frames cannot be told apart.
  const frame = frames.find((line) => !OURS.some((folder) => line.includes(folder))) ?? frames[0];
  if (frame !== undefined) {
    return frame.replace(/^\s+at (?:.* \()?(?:file:\/\/)?|\)$/g, "");
  }
  const location = callsite?.getLocation?.() ?? undefined;
  return location === undefined || FOREIGN.test(location.fileName)
    ? undefined
    : `${location.fileName}:${location.lineNumber ?? "?"}:${location.columnNumber ?? "?"}`;
}

/** Places in Prisma, in Node, and in the function through which a member of a client of ours is called. */
const FOREIGN = /@prisma|runtime\/client\.m?js|node:|<anonymous>\)?$|viaOnceonly/;

// Bundlers may leave nothing of it, or a name of their own.
const here = import.meta.url as string | undefined;
/** The folder of this package, in the two forms that stacks have. */
const OURS: readonly string[] = here?.startsWith("file:")
  ? [new URL(".", here).href, fileURLToPath(new URL(".", here))]
  : [];
