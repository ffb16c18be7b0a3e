import type { FromRequest } from "./options.ts";

/**
 * An option's function, which explains its `TypeError` if the wrapped handler was called without the second argument that the
 * function takes: most servers pass one, and whoever calls the handler by hand has to.
 */
export function explainingArg<T, TRequest, TArg>(
  option: string,
  read: FromRequest<T, TRequest, TArg>,
): FromRequest<T, TRequest, TArg> {
  return read.length < 2
    ? read
    : async (request, arg) => {
        try {
          return await read(request, arg);
        } catch (error) {
          throw arg === undefined && error instanceof TypeError ? argMissing(option, error) : error;
        }
      };
}

function argMissing(option: string, cause: TypeError): TypeError {
  return new TypeError(
    `onceonly: the wrapped handler was called without a second argument, which option ${option} takes; pass on what the ` +
      "framework gives: (request, context) => handler(request, context).",
    { cause },
  );
}
