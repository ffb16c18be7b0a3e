/**
 * Has a leased handler's request explain the absence of what the framework's own class of request has, when it is used: `undefined`
 * would be taken for an answer, such as that nobody is signed in.
 */
export function explainingLost(request: Request, original: Request): Request {
  for (const name of ownMembersOf(original)) {
    Object.defineProperty(request, name, { get: refusalOf(name), configurable: true });
  }
  return request;
}

/** The names that `Request` does not have. */
function ownMembersOf(original: Request): Set<string> {
  const names = new Set<string>();
  let holder: object | null = original;
  while (holder !== null && holder !== Request.prototype && holder !== Object.prototype) {
    for (const name of Object.getOwnPropertyNames(holder)) {
      if (!(name in Request.prototype)) {
        names.add(name);
      }
    }
    holder = Object.getPrototypeOf(holder) as object | null;
  }
  return names;
}

function refusalOf(name: string): () => never {
  return () => {
    throw new TypeError(
      `onceonly: the request of a handler in mode lease has no ${name}, as a completer could not give it again: only method, url, ` +
        "body and the headers that option requestHeaders names; take it from url or headers, or from the third argument.",
    );
  };
}
