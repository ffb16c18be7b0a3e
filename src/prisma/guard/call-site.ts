import type { ClientRequest } from "../client/private-members.ts";
import { currentScope, type HandlerScope, inScope } from "../handler/scope.ts";

/**
 * Inside a handler, makes `send` remember its call site: Prisma sends a statement when its promise is awaited, and the
 * stack there does not lead back to the code. `asked` is the function that the code called.
 */
export function withCallSite<T extends AnyFunction>(send: T, asked: AnyFunction): T {
  const here = currentScope();
  // Extensions make more promises on the way to the database. The first one was made by the application.
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
  const others = frames.filter((line) => !isOurs(line));
  // Where a library writes, the application's own line is what can be changed, and tells one use of the library from another.
  // If a bundler has put this package and the application into one folder, their frames cannot be told apart.
  const frame = others.find((line) => !LIBRARY.test(line)) ?? others[0] ?? frames[0];
  if (frame !== undefined) {
    return frame.replace(/^\s+at (?:.* \()?(?:file:\/\/)?|\)$/g, "");
  }
  const location = callsite?.getLocation?.() ?? undefined;
  return location === undefined || FOREIGN.test(location.fileName) || isOurs(location.fileName)
    ? undefined
    : `${location.fileName}:${location.lineNumber ?? "?"}:${location.columnNumber ?? "?"}`;
}

function isOurs(line: string): boolean {
  ourFolder ??= folderOf(new Error().stack?.split("\n")[1]);
  return line.includes(ourFolder);
}

/** From the call site itself: bundlers remove or replace `import.meta.url`. */
let ourFolder: string | undefined;

/** As stacks name it. In the sources, this file is one folder deeper than in the build. */
function folderOf(frame: string = ""): string {
  const [, folder = frame] = /((?:file:\/\/|\/|[A-Z]:).*[\\/])[^\\/]+$/i.exec(frame) ?? [];
  return folder.replace(/guard[\\/]$/, "");
}

const LIBRARY = /[\\/]node_modules[\\/]/;

/** Frames of Prisma, of Node, and of the function that calls the members of our clients. */
const FOREIGN = /@prisma|runtime\/client\.m?js|node:|<anonymous>\)?$|viaOnceonly/;
