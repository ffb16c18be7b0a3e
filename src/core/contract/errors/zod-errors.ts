/*
 * An error of zod 4 is known by its traits and not by its class, so it can be restored where no class is known, and where
 * zod is not installed. Its methods come with it, as formatters call them.
 */

interface Issue {
  readonly code?: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly errors?: readonly (readonly Issue[])[];
  readonly issues?: readonly Issue[];
}

type Mapper = (issue: Issue) => unknown;

const messageOf: Mapper = ({ message }) => message;

/** The traits of an error that zod 4 has made, else `undefined`. */
export function traitsOfZod(error: Error): readonly string[] | undefined {
  const { _zod: internals, issues } = error as {
    readonly _zod?: { readonly traits?: unknown };
    issues?: unknown;
  };
  return internals?.traits instanceof Set && Array.isArray(issues)
    ? ([...internals.traits] as string[])
    : undefined;
}

/** Makes an error with `issues` one that zod 4 takes for its own. */
export function makeZodError<TError extends Error>(error: TError, traits: readonly string[]): TError {
  const { issues } = error as unknown as { readonly issues: readonly Issue[] };
  const members = {
    _zod: { def: issues, traits: new Set(traits) },
    flatten: (mapper: Mapper = messageOf) => flattened(issues, mapper),
    format: (mapper: Mapper = messageOf) => formatted(issues, mapper),
  };
  for (const [name, value] of Object.entries(members)) {
    Object.defineProperty(error, name, { value, enumerable: false, configurable: true, writable: true });
  }
  return error;
}

/** The texts of each field, and those of the whole form. */
function flattened(issues: readonly Issue[], mapper: Mapper): object {
  const fieldErrors: Record<PropertyKey, unknown[]> = {};
  const formErrors: unknown[] = [];
  for (const issue of issues) {
    const [field] = issue.path;
    const errors = field === undefined ? formErrors : ownMember(fieldErrors, field, () => []);
    errors.push(mapper(issue));
  }
  return { formErrors, fieldErrors };
}

/** The name that zod's tree has for a list of texts. */
const TEXTS = "_errors";

interface Node {
  readonly [TEXTS]: unknown[];
}

/** The texts in a tree of the input's shape. */
function formatted(issues: readonly Issue[], mapper: Mapper): Node {
  const root: Node = { [TEXTS]: [] };
  const add = (list: readonly Issue[], base: readonly PropertyKey[]): void => {
    for (const issue of list) {
      const path = [...base, ...issue.path];
      const alternatives = alternativesIn(issue);
      for (const alternative of alternatives) {
        add(alternative, path);
      }
      if (alternatives.length === 0) {
        nodeAt(root, path)[TEXTS].push(mapper(issue));
      }
    }
  };
  add(issues, []);
  return root;
}

/** Issues that stand for others. */
function alternativesIn({ code, errors = [], issues = [] }: Issue): readonly (readonly Issue[])[] {
  if (code === "invalid_union") {
    return errors;
  }
  return code === "invalid_key" || code === "invalid_element" ? [issues] : [];
}

/** A field that is called as the list itself counts for its parent. */
function nodeAt(root: Node, path: readonly PropertyKey[]): Node {
  return path
    .filter((name) => name !== TEXTS)
    .reduce((node, name) => ownMember(node as never, name, (): Node => ({ [TEXTS]: [] })), root);
}

/** A field may be called `__proto__` or `constructor`. */
function ownMember<T>(owner: Record<PropertyKey, T>, name: PropertyKey, make: () => T): T {
  if (!Object.hasOwn(owner, name)) {
    Object.defineProperty(owner, name, {
      value: make(),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return owner[name] as T;
}
