import { checkClient } from "../client/client.ts";
import { engineOf, extensionsOf, isExtended } from "../client/private-members.ts";
import { rootOf } from "../client/underneath.ts";
import { boundClient, type ClientOrigin, gatedClient } from "./handler-client.ts";
import type { BegunTransaction, HandlerTransaction } from "./handler-transaction.ts";
import { type ExtensibleClient, joinedClient } from "./joined-client.ts";
import { isModel } from "./members.ts";
import { hasPrismasTransaction, ownClassOf } from "./own-class.ts";
import { genuineOf, isPrismasModel, rememberDerived, replacedMembersOf } from "./replaced-members.ts";
import { AMBIENT, BASE } from "./shared-symbols.ts";

/** A client of the application, as handlers get it: with its extensions, in a transaction of its engine. */
export class JoiningClient {
  readonly #client: ExtensibleClient;
  readonly #engine: object;
  /** By the extensions of the client: a proxy may choose it by the request it is used in. */
  readonly #joined: WeakMap<object, ExtensibleClient> = new WeakMap();

  constructor(client: object) {
    this.#client = client as ExtensibleClient;
    this.#engine = engineOf(client);
  }

  /** The handler's own client: the one that the transaction was begun with. */
  own(transaction: HandlerTransaction): object {
    // Without extensions on either side the transaction client is enough, and faster. What the application's own
    // `$transaction` does has been done for it.
    return this.#isPlainIn(transaction) ? this.#gated(transaction, {}) : this.#bound(transaction);
  }

  /**
   * @param option names the client to the reader.
   * @throws TypeError for a client that would lack something in the transaction.
   */
  in(transaction: HandlerTransaction, option: string): object {
    const isPlain = this.#isPlainIn(transaction);
    const replaced = replacedMembersOf(this.#client);
    if (replaced.length > 0 && !(isPlain && isKeptBy(transaction.begun, this.#client, replaced))) {
      throw replacedError(option, replaced);
    }
    return isPlain
      ? this.#gated(transaction, { hasOwnTransaction: !hasPrismasTransaction(this.#engine, this.#engine) })
      : this.#bound(transaction);
  }

  #isPlainIn(transaction: HandlerTransaction): boolean {
    return !isExtended(transaction.begun.client) && !isExtended(this.#client);
  }

  #gated(transaction: HandlerTransaction, origin: ClientOrigin): object {
    return gatedClient(transaction, transaction.begun.tx, {
      ...origin,
      instance: ownClassOf(this.#engine)?.instance,
    });
  }

  #bound(transaction: HandlerTransaction): object {
    const client = this.#client;
    const own = isExtended(client) ? undefined : ownClassOf(this.#engine);
    const extensions = extensionsOf(client) ?? client;
    const joined = this.#joined.get(extensions) ?? joinedClient(own?.base ?? client, this.#engine);
    this.#joined.set(extensions, joined);
    return boundClient(transaction, joined, {
      instance: own?.instance,
      hasOwnTransaction: !hasPrismasTransaction(joined, this.#engine),
      parentIn: (child) => {
        const parent = parentOf(client);
        return parent === undefined ? undefined : joiningOf(parent).in(child, "(the parent of a client)");
      },
    });
  }
}

/** The client that one with extensions was derived from. */
export function parentOf(client: object): object | undefined {
  const { $parent: parent } = client as { readonly $parent?: object };
  return isExtended(client) ? (parent ?? rootOf(engineOf(client))) : undefined;
}

/** The client that an ambient client makes join; any other client itself, what wraps an ambient one included. */
export function baseOf<TClient extends object>(client: TClient): TClient {
  const own = ownClassOf(engineOf(client));
  if (own?.instance === client) {
    return own.base as unknown as TClient;
  }
  const { [AMBIENT]: ambient = client, [BASE]: base } = client as { [AMBIENT]?: unknown; [BASE]?: unknown };
  return ambient === client ? ((base as TClient | undefined) ?? client) : client;
}

/**
 * Has clients derived from `client` known, as they may join transactions.
 *
 * @throws TypeError if it can join none.
 */
export function prepareToJoin(option: string, client: object): void {
  rememberDerived(engineOf(client));
  const replaced = isExtended(client) ? replacedMembersOf(client) : [];
  if (replaced.length > 0) {
    throw replacedError(option, replaced);
  }
}

/** An application may derive a client for each request; it is made to join once. */
const joining = new WeakMap<object, JoiningClient>();

function joiningOf(client: object): JoiningClient {
  // What wraps an ambient client, and replaces nothing, is that client.
  const genuine = genuineOf(client);
  const base = baseOf(
    genuine !== undefined && genuine !== client && replacedMembersOf(client).length === 0 ? genuine : client,
  );
  let known = joining.get(base);
  if (known === undefined) {
    known = new JoiningClient(base);
    joining.set(base, known);
  }
  return known;
}

/**
 * `client`, derived by `$extends` from the client of `transaction` or that client itself, in `transaction`.
 *
 * @throws TypeError for what is no client, for a client with connections of its own, and for one that would lack something.
 */
export function clientIn<TClient>(transaction: HandlerTransaction, client: TClient): TClient {
  const option = "(the argument of join)";
  checkClient(option, client);
  if (engineOf(client as TClient & object) !== transaction.begun.engine) {
    throw new TypeError(
      "onceonly: the client is of another PrismaClient than the one given to createIdempotency, so its statements cannot be " +
        "in this transaction; derive it from that one by $extends, or give this one to createIdempotency.",
    );
  }
  return joiningOf(client as TClient & object).in(transaction, option) as TClient;
}

/**
 * Whether the transaction was begun through `client`, and the client that it handed out has something else than Prisma's in
 * each place where `client` has.
 */
function isKeptBy(
  { client, tx, engine }: BegunTransaction,
  asked: object,
  replaced: readonly string[],
): boolean {
  const prismas = rootOf(engine) ?? engine;
  const isKept = (name: string) => {
    const given: unknown = Reflect.get(tx, name);
    const original: unknown = Reflect.get(prismas, name);
    return isModel(original)
      ? !isModel(given) || !isPrismasModel(given, original)
      : name === "$transaction" || name === "$extends" || given !== original;
  };
  return client === asked && replaced.includes("$transaction") && replaced.every(isKept);
}

function replacedError(option: string, replaced: readonly string[]): TypeError {
  const named = replaced.slice(0, NAMED_MAX).join(", ") + (replaced.length > NAMED_MAX ? " and others" : "");
  return new TypeError(
    `onceonly: option ${option} is a client in which ${named} are not those of the Prisma client underneath, as in a proxy or ` +
      "another wrapper. In a transaction there is that client alone, so what they do, such as a tenant's filter, would be " +
      "lost; do it in an extension ($extends), or give the wrapped client to createIdempotency, with a $transaction that " +
      "wraps what it hands out.",
  );
}

const NAMED_MAX = 5;
