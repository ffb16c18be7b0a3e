import type { ExecutionArgs, GraphQLSchema } from "graphql";
import type { RequestLike } from "./request/header-keys.ts";
import type { Execute } from "./unit/unit.ts";

/**
 * The hooks of the plugin, as Envelop and Yoga see them. Declared by structure, not by the types of either, so that
 * neither has to be installed for the other's sake.
 */
export interface IdempotencyPlugin {
  onPluginInit(payload: { readonly plugins: unknown[] }): void;
  onSchemaChange(payload: {
    readonly schema: GraphQLSchema;
    readonly replaceSchema: (schema: GraphQLSchema) => void;
  }): void;
  onRequestParse(payload: { readonly request: RequestLike }): {
    onRequestParseDone(payload: { readonly requestParserResult: unknown }): void;
  };
}

/** The hook that executes. */
export interface ExecutingPlugin {
  onExecute(payload: {
    readonly args: ExecutionArgs;
    readonly executeFn: Execute;
    readonly setExecuteFn: (execute: Execute) => void;
  }): void;
}
