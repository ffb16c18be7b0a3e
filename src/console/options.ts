import { checkFunctions, misuse } from "../core/browser/option-checks.ts";
import { checkOptionNames, type OptionNames } from "../core/contract/options/option-names.ts";
import type { Upkeep } from "../core/contract/upkeep/upkeep.ts";
import type { Authorize } from "./access/operator.ts";

/** What the console asks of the object that `createIdempotency` made. */
export type ConsoleIdempotency = Pick<Upkeep, "list" | "inspect" | "forget" | "stats" | "countByOperation">;

/** Options of {@link createConsole}. */
export interface ConsoleOptions {
  /** The application's object, made by `createIdempotency`: whose records are shown, decoded by its options. */
  readonly idempotency: ConsoleIdempotency;
  /**
   * Says who may see what. Asked at every request, before anything else. What it throws or rejects with lets nobody in: the answer is
   * 500 without detail, and the reason a process warning, `OnceonlyConsoleWarning`.
   */
  readonly authorize: Authorize;
  /** Path under which the handler is mounted, as the `url` of the requests has it. Default `"/onceonly"`. */
  readonly basePath?: string;
}

const OPTIONS: OptionNames<Required<ConsoleOptions>> = {
  idempotency: "required",
  authorize: "required",
  basePath: true,
};

/** Options, checked and complete. */
export interface ResolvedConsoleOptions {
  readonly idempotency: ConsoleIdempotency;
  readonly authorize: Authorize;
  /** Without a slash at its end: empty for the root. */
  readonly base: string;
}

/** @throws TypeError for an option that is missing or cannot be used. */
export function resolveConsoleOptions(options: ConsoleOptions): ResolvedConsoleOptions {
  if (typeof options !== "object" || options === null) {
    throw misuse("options", options, "an object such as { idempotency, authorize }");
  }
  checkOptionNames(options, OPTIONS);
  const { idempotency, authorize, basePath = "/onceonly" } = options;
  if (idempotency === undefined || idempotency === null) {
    throw misuse("idempotency", idempotency, "the object that createIdempotency made");
  }
  checkFunctions("idempotency", idempotency, ["list", "inspect", "forget", "stats", "countByOperation"]);
  if (typeof authorize !== "function") {
    throw misuse(
      "authorize",
      authorize,
      "a function that says who may look, such as (request) => isSupport(request): the console shows what customers have done",
    );
  }
  return { idempotency, authorize, base: baseOf(basePath) };
}

function baseOf(basePath: unknown): string {
  const isPath = typeof basePath === "string" && /^(\/[\w.~!$&'()*+,;=:@%-]+)*\/?$/.test(basePath);
  // What begins with two slashes names a host.
  if (!isPath || !basePath.startsWith("/")) {
    throw misuse("basePath", basePath, 'a path such as "/admin/onceonly", or "/"');
  }
  return basePath.replace(/\/$/, "");
}
