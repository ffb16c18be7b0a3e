import { reasonWithin } from "../contract/callbacks.ts";
import { nearestTo } from "../contract/options/option-names.ts";
import type { HandlerClients } from "../contract/store.ts";

export const DEFAULT_NAME = "tx";

/** Where the handler finds its client, and what it finds there. */
export type Provided<TTransaction> = readonly [name: string, client: TTransaction];

/**
 * The client for the handler, under the name that option `provide` gives: the one that the application has put there for
 * this request, in the transaction of the run. Its extensions may be what keeps one tenant from another's rows.
 *
 * @throws TypeError if nothing is there, unless the name is the default; and if it cannot be in the transaction.
 */
export function providedClient<TTransaction>(
  provide: string | undefined,
  context: object,
  { tx, join }: HandlerClients<TTransaction>,
): Provided<TTransaction> {
  const name = provide ?? DEFAULT_NAME;
  const held = (context as Readonly<Record<string, TTransaction | undefined>>)[name];
  if (held !== undefined && held !== null) {
    return [name, joined(name, held, join)];
  }
  if (name === DEFAULT_NAME) {
    return [name, tx];
  }
  // Whoever misspells the name would go on to write through the client of the right one.
  const near = nearestTo(
    name,
    Object.keys(context).filter((key) => key !== name),
  );
  const remedy = near === undefined ? "name the property that holds your client." : `did you mean "${near}"?`;
  throw new TypeError(
    `onceonly: option provide is "${name}", and the context holds no client under that name; ${remedy} Without the ` +
      `option, the handler finds its client as ${DEFAULT_NAME}.`,
  );
}

/** @throws TypeError that names the option, which the reader has given, besides what is wrong with the client. */
function joined<TClient>(name: string, held: TClient, join: HandlerClients<unknown>["join"]): TClient {
  try {
    return join(held);
  } catch (cause) {
    // The reader has called no `join`.
    const reason = reasonWithin(cause).replace(/^option \(the argument of join\)/, "that value");
    throw new TypeError(
      `onceonly: what the context holds under the name of option provide, "${name}": ${reason}`,
      {
        cause,
      },
    );
  }
}
