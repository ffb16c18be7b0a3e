/**
 * The dialect of the simulated database: each statement is the name of an operation (`../database/operations.ts`) and its parameters as
 * JSON. What the SQL of real ones does, is tested on them.
 */
import type { MessageStatements } from "../../../src/sql/dialect/capabilities.ts";
import type { Dialect } from "../../../src/sql/dialect/dialect.ts";
import type { Write } from "../../../src/sql/dialect/statement.ts";
import { inOneMessage } from "../../../src/sql/postgresql/message.ts";
import { postgresql } from "../../../src/sql/postgresql/postgresql.ts";

/** As what kind of database it behaves. */
export type Kind =
  /** Statements of ours travel with BEGIN and COMMIT. */
  | "postgresql"
  /** PostgreSQL over an adapter that sends them one by one. */
  | "one by one"
  /** Nodes that lock for themselves alone, and of which COMMIT tells all but one that they were late. */
  | "cluster";

const operation = (name: string, params: object): Write => ({
  text: `${name} $1`,
  values: [JSON.stringify(params)],
});

export function simulatedDialect(kind: Kind): Dialect {
  const isCluster = kind === "cluster";
  const dialect: Dialect = {
    ...postgresql,
    insert: (_, params) => operation("insert", params),
    claim: (_, params) => ({ ...operation("claim", params), writes: true }),
    read: (_, params) => operation("read", params),
    replayable: (_, ids) => operation("replayable", { ids }),
    complete: (_, params) => operation("complete", params),
    renew: (_, params) => operation("renew", params),
    giveBack: (_, params) => operation("giveBack", params),
    recordStep: (_, params) => ({
      ...operation("recordStep", params),
      ...(isCluster && { fence: operation("touch", { id: params.id, owner: params.owner }) }),
    }),
    steps: (_, id) => operation("steps", { id }),
    claimAbandoned: (_, params) => ({ ...operation("claimAbandoned", params), writes: true }),
    upkeep: {
      ...postgresql.upkeep,
      prune: (_, params) => ({ writes: [operation("prune", params)] }),
      sweep: (_, params) => ({ writes: [operation("sweep", params)] }),
      forget: (_, id) => ({ record: operation("forget", { id }), steps: operation("forgetSteps", { id }) }),
      inspect: (_, id) => ({
        record: operation("inspect", { id }),
        steps: operation("inspectSteps", { id }),
      }),
    },
    claimLocks: isCluster,
    capabilities: { ...postgresql.capabilities, conflictsAtCommit: isCluster },
  };
  return kind === "postgresql"
    ? { ...dialect, capabilities: { ...dialect.capabilities, message: messageOf(dialect) } }
    : dialect;
}

function messageOf(dialect: Dialect): MessageStatements {
  return {
    ...inOneMessage(dialect),
    completeOrFail: (_, params) => operation("completeOrFail", params),
  };
}
