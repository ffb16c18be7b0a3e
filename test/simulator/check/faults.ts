/** Faults that the simulator has to find, each put back into the code by a text in place of another. */
import type { Replacement } from "../world/image.ts";

export interface Fault {
  readonly name: string;
  readonly replacements: readonly Replacement[];
  /** The seed that the search for it begins with, where it would take minutes from 1 on. */
  readonly from?: number;
}

const fault = (name: string, file: string, text: string, by: string): Fault => ({
  name,
  replacements: [{ file, text, by }],
});

const DIALECT = "test/simulator/program/dialect.ts";

export const FAULTS: readonly Fault[] = [
  fault(
    "the result is stored after COMMIT",
    "src/prisma/store.ts",
    "      await session.end(outcome);",
    "      setTimeout(() => void this.leases.complete({ ...outcome, retentionMs: 60_000 }).catch(() => {}), 0);",
  ),
  fault(
    "the result is stored whoever holds the record",
    DIALECT,
    'complete: (_, params) => operation("complete", params),',
    'complete: (_, params) => operation("complete", { ...params, isAnybodys: true }),',
  ),
  fault(
    "a replay does not compare the input",
    "src/core/outcome/stored-outcome.ts",
    "  throwIfReused(run, record.fingerprint);\n",
    "",
  ),
  fault(
    "the savepoint is set before the claim, and undoes it",
    "src/prisma/session.ts",
    "    const inserted = await this.#inserted(claim);",
    "    await savepoint?.set();\n    const inserted = await this.#inserted(claim);",
  ),
  fault(
    "a COMMIT without an answer counts as rolled back",
    "src/core/run/broken-commit.ts",
    "      return await probe(store, run);",
    "      return undefined;",
  ),
  fault(
    "a COMMIT without an answer counts as done",
    "src/core/run/transaction-run.ts",
    '    return ended.state === "committed" ? ended.value : this.#afterBrokenCommit(run, ended.value, ended.error);',
    "    return ended.value;",
  ),
  fault(
    "what was meant to be stored is told, whatever the probe has found",
    "src/core/run/transaction-run.ts",
    'return record.owner === intended.record.owner ? intended : { end: "replayed", record };',
    "return intended;",
  ),
  fault(
    "a step whose COMMIT had no answer counts as recorded",
    "src/core/lease/steps.ts",
    'end.state === "committed" || (end.state === "unknown" && (await this.#isRecorded(name)));',
    'end.state === "committed" || end.state === "unknown";',
  ),
  fault(
    "a lease is taken by the clock of the host",
    DIALECT,
    'claim: (_, params) => ({ ...operation("claim", params), writes: true }),',
    'claim: (_, params) => ({ ...operation("claim", { ...params, hostNow: Date.now() }), writes: true }),',
  ),
  fault(
    "a lease is renewed by the clock of the host",
    DIALECT,
    'renew: (_, params) => operation("renew", params),',
    'renew: (_, params) => operation("renew", { ...params, hostNow: Date.now() }),',
  ),
  fault(
    "a lease is given back whoever holds it",
    DIALECT,
    'giveBack: (_, params) => operation("giveBack", params),',
    'giveBack: (_, params) => operation("giveBack", { ...params, isAnybodys: true }),',
  ),
  fault(
    "a step is recorded whoever holds the lease",
    DIALECT,
    'operation("recordStep", params),\n      ...(isCluster && {',
    'operation("recordStep", { ...params, isAnybodys: true }),\n      ...(isCluster && {',
  ),
  fault(
    "a step is recorded without the fence",
    "src/prisma/own-statements.ts",
    "    if (fence !== undefined && this.#server.conflictsAtCommit) {",
    "    if (false) {",
  ),
  fault(
    "the retention counts from the claim",
    "src/prisma/store.ts",
    "retentionMs: claim.retentionMs + timeout + GRACE_MS }",
    "retentionMs: claim.retentionMs }",
  ),
  fault(
    "a duplicate in memory gets the result before COMMIT",
    "src/core/run/transaction-run.ts",
    "    const { id, owner } = claim;\n    return {",
    "    const { id, owner } = claim;\n    flight.land({ status, fingerprint: run.fingerprint, owner, response });\n    return {",
  ),
  fault(
    "a takeover does not look at the lease",
    DIALECT,
    'claim: (_, params) => ({ ...operation("claim", params), writes: true }),',
    'claim: (_, params) => ({ ...operation("claim", { ...params, isBlind: true }), writes: true }),',
  ),
  fault(
    "any failed COMMIT counts as rolled back",
    "src/core/run/handler-transaction.ts",
    "    return ended === undefined || error instanceof NotStoredError || isOrdinaryConflict(store, error)",
    "    return true",
  ),
  fault(
    "callbacks are called before COMMIT",
    "src/core/run/transaction-run.ts",
    '    run.events?.enter("store");',
    '    for (const callback of afterCommit) callback();\n    run.events?.enter("store");',
  ),
  fault(
    "a step in a transaction does not renew the lease, which fences it",
    "src/core/lease/steps.ts",
    "    if (!(await session.renew(renewalOf(this.#run, this.#lease.owner)))) {",
    "    if (false) {",
  ),
  fault(
    "a probe leaves no tombstone",
    "src/core/run/broken-commit.ts",
    "  const decidesByCommit = store.conflictsAtCommit;",
    "  const decidesByCommit = false;",
  ),
  fault(
    "a message of COMMIT does not tell that nothing was stored",
    DIALECT,
    'completeOrFail: (_, params) => operation("completeOrFail", params),',
    'completeOrFail: (_, params) => operation("complete", params),',
  ),
  fault(
    "a transaction whose result was not stored is committed",
    "src/prisma/session.ts",
    "    if (!isStored) {\n      throw new NotStoredError(",
    "    if (false) {\n      throw new NotStoredError(",
  ),
  fault(
    "a run that fails leaves its duplicates waiting",
    "src/core/duplicates/single-flight.ts",
    "    } finally {\n      this.#flights.delete(id);\n      flight.land(result);\n    }",
    "    } finally {\n      if (result !== undefined) {\n        this.#flights.delete(id);\n        flight.land(result);\n      }\n    }",
  ),
  {
    name: "a statement of a handler is sent when its transaction is over",
    replacements: [
      {
        file: "src/prisma/client/driver.ts",
        text: "    if (this.isOver) {\n      return new EndedTransactionError();\n    }",
        by: "",
      },
      {
        file: "src/prisma/handler/handler-transaction.ts",
        text: "    const refusal = here.#refusal;\n    if (refusal !== undefined) {",
        by: "    const refusal = new Error();\n    if (false) {",
      },
    ],
  },
  fault(
    "the outcome of a COMMIT is looked for without waiting for it",
    "src/core/run/broken-commit.ts",
    "      return await probe(store, run);",
    "      return await store.replayable(run.id);",
  ),
  {
    ...fault(
      "the error of a second BEGIN is nobody's",
      "src/prisma/claim-messages.ts",
      "await this.#explained(this.#messages.beginAgain());",
      "await this.#messages.beginAgain();",
    ),
    from: 9_005_300,
  },
  {
    ...fault(
      "an outcome that may be stored is denied for good",
      "src/core/lease/leased-run.ts",
      "throw isStoring && this.#isUnexplained(error) ? storeUnavailable(run, error) : unwrapped(error);",
      "throw unwrapped(error);",
    ),
    from: 4_300,
  },
  fault(
    "an error is stored beside what its handler has written",
    "src/core/run/transaction-run.ts",
    "      await session.undo();",
    "",
  ),
];
