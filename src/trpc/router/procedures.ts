import type { AnyTRPCRouter } from "@trpc/server";
import type { Mode } from "../../core/adapter/options.ts";
import { misuse } from "../../core/browser/option-checks.ts";
import type { Idempotency } from "../../core/contract/idempotency.ts";
import { type OwnSettings, ownSettingsIn } from "./meta.ts";

/** What is known about a middleware outside its calls. */
export interface AppliedSettings {
  readonly idempotency: {
    readonly mayBe: (given: unknown) => boolean;
    readonly completed: (given: never) => Pick<Idempotency<never>, "options">;
  };
  readonly mode: Mode;
  readonly requireKey: boolean | ((call: never) => unknown);
  readonly operation: unknown;
}

/** A mutation of a router. */
export interface ProcedureInfo {
  readonly path: string;
  /** The settings of its middleware; `undefined` if it has none of ours. */
  readonly settings: AppliedSettings | undefined;
  /** What its meta says. */
  readonly own: OwnSettings | false;
  readonly isOutputEarly: boolean;
}

const known = new WeakMap<object, AppliedSettings>();

/** Makes {@link mutationsOf} recognise a middleware. */
export function rememberSettings(middleware: object, settings: AppliedSettings): void {
  known.set(middleware, settings);
}

/** @throws TypeError for what is no router. */
export function checkRouter(router: unknown): void {
  if (typeof (router as Partial<AnyTRPCRouter> | null | undefined)?.createCaller !== "function") {
    throw misuse("router", router, "the router that the server was given");
  }
}

/**
 * The mutations of a router, in definition order. Lazy routers are loaded.
 *
 * @throws TypeError for what is no router, and for a `meta.idempotency` that cannot be used.
 */
export async function mutationsOf(router: AnyTRPCRouter): Promise<readonly ProcedureInfo[]> {
  checkRouter(router);
  const { _def: definition } = router as { readonly _def: RouterDefinition };
  await loadLazyRouters(definition);
  return Object.entries(definition.procedures)
    .filter(([, { _def: procedure }]) => procedure.type === "mutation")
    .map(([path, { _def: procedure }]) => ({
      path,
      settings: settingsIn(procedure),
      own: ownSettingsIn(procedure.meta),
      isOutputEarly: isOutputEarly(procedure),
    }));
}

/**
 * Whether `.output()` stands before our middleware. It then validates what the middleware returns: after the commit, and
 * again at each replay.
 */
function isOutputEarly({ middlewares }: ProcedureDefinition): boolean {
  const ours = middlewares.findIndex((middleware) => known.has(middleware));
  return middlewares.slice(0, Math.max(ours, 0)).some(({ _type: type }) => type === "output");
}

const checked = new WeakSet<object>();

/**
 * @param procedure what is being called; `undefined` or `null` if nobody says.
 * @throws TypeError if `.output()` stands before our middleware.
 */
export function refuseEarlyOutput(path: string, procedure: unknown): void {
  const { _def: definition } = (procedure ?? {}) as { readonly _def?: ProcedureDefinition };
  if (definition === undefined || checked.has(definition)) {
    return;
  }
  if (isOutputEarly(definition)) {
    throw new TypeError(
      `onceonly: .output() of ${path} stands before idempotencyMiddleware, so an output that fails its validation would be ` +
        "committed all the same; put .output() after .use().",
    );
  }
  checked.add(definition);
}

/** The part of tRPC's definitions that is read here. */
interface RouterDefinition {
  readonly procedures: Readonly<Record<string, { readonly _def: ProcedureDefinition }>>;
  readonly lazy: Readonly<Record<string, { readonly load: () => Promise<void> }>>;
}

interface ProcedureDefinition {
  readonly type: string;
  readonly meta?: unknown;
  readonly middlewares: readonly { readonly _type?: string | undefined }[];
}

/** Loading a router removes it from `lazy`, and may add others. */
async function loadLazyRouters({ lazy }: RouterDefinition): Promise<void> {
  for (let pending = Object.values(lazy); pending.length > 0; pending = Object.values(lazy)) {
    await Promise.all(pending.map(({ load }) => load()));
  }
}

function settingsIn({ middlewares }: ProcedureDefinition): AppliedSettings | undefined {
  return middlewares.map((middleware) => known.get(middleware)).find((settings) => settings !== undefined);
}
