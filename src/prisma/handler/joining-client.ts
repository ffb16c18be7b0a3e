import { checkClient } from "../client/client.ts";
import { engineOf, isExtended } from "../client/private-members.ts";
import { boundClient, gatedClient } from "./handler-client.ts";
import type { HandlerTransaction } from "./handler-transaction.ts";
import { type ExtensibleClient, joinedClient } from "./joined-client.ts";
import { ownClassOf } from "./own-class.ts";
import { BASE } from "./shared-symbols.ts";

/** A client of the application, as handlers get it: with its extensions, in a transaction of its engine. */
export class JoiningClient {
  readonly #client: ExtensibleClient;
  readonly #engine: object;
  readonly #isPlain: boolean;
  #joined: ExtensibleClient | undefined;

  constructor(client: object) {
    this.#client = client as ExtensibleClient;
    this.#engine = engineOf(client);
    this.#isPlain = !isExtended(client);
  }

  in(transaction: HandlerTransaction): object {
    const { tx, isExtended: isBegunExtended } = transaction.begun;
    const own = this.#isPlain ? ownClassOf(this.#engine) : undefined;
    // Without extensions on either side the transaction client is enough, and faster.
    return this.#isPlain && !isBegunExtended
      ? gatedClient(transaction, tx, own?.instance)
      : boundClient(
          transaction,
          (this.#joined ??= joinedClient(own?.base ?? this.#client, this.#engine)),
          own?.instance,
        );
  }
}

/** The client that an ambient client makes join; any other client itself. */
export function baseOf<TClient extends object>(client: TClient): TClient {
  const own = ownClassOf(engineOf(client));
  const base = own?.instance === client ? own.base : (client as { readonly [BASE]?: unknown })[BASE];
  return (base as TClient | undefined) ?? client;
}

/** An application may derive a client for each request; it is made to join once. */
const joining = new WeakMap<object, JoiningClient>();

/**
 * `client`, derived by `$extends` from the client of `transaction` or that client itself, in `transaction`.
 *
 * @throws TypeError for what is no client, and for a client with connections of its own.
 */
export function clientIn<TClient>(transaction: HandlerTransaction, client: TClient): TClient {
  checkClient("(the argument of join)", client);
  const base = baseOf(client as TClient & object);
  if (engineOf(base) !== transaction.begun.engine) {
    throw new TypeError(
      "onceonly: the client is of another PrismaClient than the one given to createIdempotency, so its statements cannot be " +
        "in this transaction; derive it from that one by $extends, or give this one to createIdempotency.",
    );
  }
  let known = joining.get(base);
  if (known === undefined) {
    known = new JoiningClient(base);
    joining.set(base, known);
  }
  return known.in(transaction) as TClient;
}
