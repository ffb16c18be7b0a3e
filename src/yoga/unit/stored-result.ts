import { type ExecutionResult, GraphQLError, type Source } from "graphql";

/** An `ExecutionResult` as data, with every part of its errors that a client or Yoga can see. */
export type StoredResult = ResultData | { readonly json: string };

interface ResultData {
  readonly errors?: readonly StoredGraphQLError[];
  readonly data?: ExecutionResult["data"];
  readonly extensions?: ExecutionResult["extensions"];
}

interface StoredGraphQLError {
  readonly message: string;
  readonly path: GraphQLError["path"];
  /** Offsets in the document: Yoga turns them into line and column again when it writes the answer. */
  readonly positions: GraphQLError["positions"];
  readonly extensions: GraphQLError["extensions"];
}

export function toStoredResult(result: ExecutionResult): StoredResult {
  const errors = result.errors?.map(({ message, path, positions, extensions }) => {
    return { message, path, positions, extensions };
  });
  const stored: ResultData = inOrder({ ...result, errors });
  return holdsProto(stored) ? { json: JSON.stringify(stored) } : stored;
}

/** Whether a property is named `__proto__`, as an alias or in a JSON scalar: codecs refuse it, and JSON does not. */
function holdsProto(result: object): boolean {
  // A set goes on to what is added while it is walked.
  const found = new Set<object>([result]);
  for (const object of found) {
    if (Object.hasOwn(object, "__proto__")) {
      return true;
    }
    for (const value of Object.values(object) as unknown[]) {
      if (typeof value === "object" && value !== null) {
        found.add(value);
      }
    }
  }
  return false;
}

/** `source` comes from the repeated request: the same text, if the client formats it the same way. */
export function fromStoredResult(storedResult: StoredResult, source: Source | undefined): ExecutionResult {
  const stored = "json" in storedResult ? (JSON.parse(storedResult.json) as ResultData) : storedResult;
  const errors = stored.errors?.map(
    ({ message, ...options }) => new GraphQLError(message, { ...options, source }),
  );
  return inOrder({ ...stored, errors });
}

/**
 * Puts the properties in one order, whatever the executor's, so that the first answer and its replays have the same
 * bytes.
 */
export function inOrder<TError>({ errors, data, extensions }: Parts<TError>): Defined<Parts<TError>> {
  return {
    ...(errors === undefined || errors.length === 0 ? {} : { errors }),
    ...(data === undefined ? {} : { data }),
    ...(extensions === undefined ? {} : { extensions }),
  };
}

interface Parts<TError> {
  readonly errors?: readonly TError[] | undefined;
  readonly data?: ExecutionResult["data"];
  readonly extensions?: ExecutionResult["extensions"];
}

type Defined<T> = { [TName in keyof T]: Exclude<T[TName], undefined> };
