import type { ExecutionArgs, GraphQLSchema } from "graphql";

/** Executes one operation. The result is `unknown`, as an executor may also answer with a stream. */
export type Execute = (args: ExecutionArgs) => unknown;

/**
 * The hooks of the plugin, as Envelop and Yoga see them. Declared by structure, not by the types of either, so that
 * neither has to be installed for the other's sake.
 */
export interface IdempotencyPlugin {
  onSchemaChange(payload: {
    readonly schema: GraphQLSchema;
    readonly replaceSchema: (schema: GraphQLSchema) => void;
  }): void;
  onRequestParse(payload: { readonly request: RequestLike }): {
    onRequestParseDone(payload: { readonly requestParserResult: unknown }): void;
  };
  onExecute(payload: {
    readonly args: ExecutionArgs;
    readonly executeFn: Execute;
    readonly setExecuteFn: (execute: Execute) => void;
  }): void;
}

/** The part of a Fetch `Request` that is used. Servers bring their own ponyfills. */
export interface RequestLike {
  readonly headers: { get(name: string): string | null };
}
