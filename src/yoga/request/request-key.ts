import { RETRY_HEADER, saysRetry } from "../../core/adapter/key-header.ts";
import { checkKey, invalidKey } from "../../core/request/identity.ts";
import { directiveOf } from "./directive.ts";
import { headerKeyOf, type RequestLike, refuseUnreadHeader } from "./header-keys.ts";
import type { Mutation, RootField } from "./mutation.ts";
import { scalarValue } from "./variables.ts";

/**
 * The key that a request carries for its whole operation, in `extensions.idempotencyKey` or in the header.
 *
 * @throws {@link IdempotencyError} `KEY_INVALID`, also when both are present and differ: the client may repeat either
 * one. `KEY_MISSING` for a header that is there and was not read.
 */
export function carriedKey(context: object): string | undefined {
  const { params } = context as { params?: { extensions?: { idempotencyKey?: unknown } | null } | null };
  const inBody = params?.extensions?.idempotencyKey ?? undefined;
  if (inBody === undefined) {
    refuseUnreadHeader(context);
    return headerKeyOf(context);
  }
  const inHeader = headerKeyOf(context);
  const key = checkKey(inBody);
  if (inHeader !== undefined && inHeader !== key) {
    throw invalidKey(
      "conflicting_keys",
      "The request has one idempotency key in its extensions and another in the header Idempotency-Key; send one.",
    );
  }
  return key;
}

/** Whether the HTTP request of this context says that it is a repetition. */
export function isRetry(context: object): boolean {
  const { request } = context as { readonly request?: Partial<RequestLike> | null };
  return typeof request?.headers?.get === "function" && saysRetry(request.headers.get(RETRY_HEADER));
}

/**
 * The key that the directive gives a root field.
 *
 * @throws {@link IdempotencyError} `KEY_INVALID`
 */
export function directiveKey(
  { operation, variables, directive: name }: Mutation,
  { nodes, responseName }: RootField,
): string | undefined {
  const keys = new Set<unknown>();
  for (const directive of nodes.map((node) => directiveOf(node, name))) {
    if (directive !== undefined) {
      const argument = directive.arguments?.find((item) => item.name.value === "key");
      keys.add(scalarValue(argument?.value, operation, variables));
    }
  }
  if (keys.size > 1) {
    throw invalidKey(
      "conflicting_keys",
      `The field ${responseName} is selected with different idempotency keys.`,
    );
  }
  const [key] = keys;
  return keys.size === 0 ? undefined : checkKey(key);
}
