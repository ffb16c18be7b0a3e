import type { ExtensibleClient } from "./joined-client.ts";
import { OWN_CLASS } from "./shared-symbols.ts";

/** An instance of a class that the application has derived from `PrismaClient`, once it is ambient itself. */
export interface OwnClassInstance {
  /** As the application holds it, and as its methods know it as `this`. */
  readonly instance: ExtensibleClient;
  /** The same with the members that it was made with, which do not join. */
  readonly base: ExtensibleClient;
}

/** The ambient instance whose engine this is, if there is one. */
export function ownClassOf(engine: object): OwnClassInstance | undefined {
  return (engine as { readonly [OWN_CLASS]?: OwnClassInstance })[OWN_CLASS];
}
