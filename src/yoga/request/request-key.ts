import { checkKey, invalidKey } from "../../core/request/identity.ts";
import { directiveOf } from "./directive.ts";
import { headerKeyOf } from "./header-keys.ts";
import type { Mutation, RootField } from "./mutation.ts";
import { scalarValue } from "./variables.ts";

/**
 * The key that a request carries for its whole operation, in `extensions.idempotencyKey` or in the header.
 *
 * @throws {@link IdempotencyError} `KEY_INVALID`, also when both are present and differ: the client may repeat either
 * one.
 */
export function carriedKey(context: object): string | undefined {
  const { params } = context as { params?: { extensions?: { idempotencyKey?: unknown } | null } | null };
  const inBody = params?.extensions?.idempotencyKey ?? undefined;
  const inHeader = headerKeyOf(context);
  if (inBody === undefined) {
    return inHeader;
  }
  const key = checkKey(inBody);
  if (inHeader !== undefined && inHeader !== key) {
    throw invalidKey(
      "conflicting_keys",
      "The request has one idempotency key in its extensions and another in the header Idempotency-Key; send one.",
    );
  }
  return key;
}

/**
 * The key of `@idempotent` on a root field.
 *
 * @throws {@link IdempotencyError} `KEY_INVALID`
 */
export function directiveKey(
  { operation, variables }: Mutation,
  { nodes, responseName }: RootField,
): string | undefined {
  const keys = new Set<unknown>();
  for (const directive of nodes.map(directiveOf)) {
    if (directive !== undefined) {
      const argument = directive.arguments?.find(({ name }) => name.value === "key");
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
