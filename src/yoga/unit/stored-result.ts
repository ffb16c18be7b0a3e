import { type ExecutionResult, GraphQLError, type Source } from "graphql";

/** An `ExecutionResult` as data, with every part of its errors that a client or Yoga can see. */
export interface StoredResult {
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
  return inOrder({ ...result, errors });
}

/** `source` comes from the repeated request: the same text, if the client formats it the same way. */
export function fromStoredResult(stored: StoredResult, source: Source | undefined): ExecutionResult {
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
