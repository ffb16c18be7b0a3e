import type { ClientRequest } from "../internals.ts";
import { currentScope, type HandlerScope, inScope } from "./scope.ts";

/**
 * Inside a handler, has `send` know later where it was asked for: Prisma sends a statement when its promise is awaited,
 * and no stack leads from there to the code. `asked` is the function that the code called.
 */
export function withCallSite<T extends AnyFunction>(send: T, asked: AnyFunction): T {
  if (currentScope() === undefined) {
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
  const frame = askedAt.split("\n").find((line) => /^\s+at /.test(line) && !FOREIGN.test(line));
  if (frame !== undefined) {
    return frame.replace(/^\s+at (?:.* \()?(?:file:\/\/)?|\)$/g, "");
  }
  const location = callsite?.getLocation?.() ?? undefined;
  return location === undefined || FOREIGN.test(location.fileName)
    ? undefined
    : `${location.fileName}:${location.lineNumber ?? "?"}:${location.columnNumber ?? "?"}`;
}

/** Places in Prisma, in Node, and in the function through which an ambient client is called. */
const FOREIGN = /@prisma|runtime\/client\.m?js|node:|<anonymous>\)?$|viaAmbientClient/;
