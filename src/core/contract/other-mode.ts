/**
 * What a handler does not get in its mode, and may look for, as it would get that in the other one. It says so when it is used.
 * It is found through the prototype of the context, so that it is no member of that: `in` and `...` do not see it.
 */

const IN_TRANSACTION = prototypeWith(
  Object.fromEntries(["step", "transaction"].map((name) => [name, refusal(inTransactionText(name))])),
);

const IN_LEASE = prototypeWith({
  tx: new Proxy(
    {},
    { get: (_, name) => (typeof name === "string" ? refusal(inLeaseText("tx"))() : undefined) },
  ),
  join: refusal(inLeaseText("join")),
  afterCommit: refusal(
    "onceonly: a handler in mode lease has no afterCommit, as it runs in no transaction; do it in a step, after the one that " +
      "it must follow.",
  ),
});

/** The context of a handler in one transaction, which explains the absence of steps. It must be a new object. */
export function inTransactionMode<TContext extends object>(context: TContext): TContext {
  Object.setPrototypeOf(context, IN_TRANSACTION);
  return context;
}

/** The context of a leased handler, which explains the absence of `tx`. It must be a new object. */
export function inLeaseMode<TContext extends object>(context: TContext): TContext {
  Object.setPrototypeOf(context, IN_LEASE);
  return context;
}

function prototypeWith(absent: Readonly<Record<string, unknown>>): object {
  return new Proxy(
    {},
    {
      get: (target, name, receiver): unknown =>
        typeof name === "string" && Object.hasOwn(absent, name)
          ? absent[name]
          : Reflect.get(target, name, receiver),
    },
  );
}

function refusal(text: string): () => never {
  return () => {
    throw new TypeError(text);
  };
}

function inTransactionText(name: string): string {
  return (
    `onceonly: a handler in mode transaction has no ${name}, as all of it is one transaction; write through tx, and use mode ` +
    "lease (runLeased) for calls to other services."
  );
}

function inLeaseText(name: string): string {
  return (
    `onceonly: a handler in mode lease has no ${name}, as it runs in no transaction; write in one that is recorded: ` +
    `transaction("book", ({ ${name} }) => ...).`
  );
}
