import type { StoreFault } from "../../core/contract/store.ts";
import type { Finding } from "../../core/contract/upkeep/finding.ts";
import { causeOf, databaseErrorOf, faultOf, isDenial, setUpErrorOf } from "../dialect/faults.ts";
import { StoreError } from "../dialect/store-error.ts";
import type { SqlClient } from "../sql-client.ts";
import { findingOfFailure, findingOfSymptom, type Tried } from "./findings.ts";
import { lackingPrivileges } from "./privileges.ts";
import { rolledBack } from "./rolled-back.ts";
import { fitting, plainTexts, type TrialTexts, wideTexts } from "./texts.ts";
import { Trial } from "./trial.ts";

/** They say nothing of the set-up. */
const PASSING: ReadonlySet<StoreFault | undefined> = new Set<StoreFault>([
  "write_conflict",
  "lock_timeout",
  "transaction_expired",
  "read_only",
  "unavailable",
]);

/**
 * Finds what no catalogue tells for sure: whether each statement of a run works, and what it writes comes back as it was. Leaves
 * nothing behind. `grantee` is how the database calls the user of the connection.
 *
 * @throws what has kept the trial from its end, such as a lost connection.
 */
export async function trySetUp(sql: SqlClient, tried: Tried, grantee: string): Promise<Finding[]> {
  const findings = await tryTexts(sql, tried, grantee, plainTexts(), false);
  if (findings.some(({ severity }) => severity === "fatal")) {
    return findings;
  }
  const more = await tryTexts(sql, tried, grantee, wideTexts(), true);
  const said = new Set(findings.map(({ subject }) => subject));
  return [...findings, ...more.filter(({ severity, subject }) => severity === "fatal" || !said.has(subject))];
}

async function tryTexts(
  sql: SqlClient,
  tried: Tried,
  grantee: string,
  texts: TrialTexts,
  isWide: boolean,
): Promise<Finding[]> {
  const { dialect, names, described } = tried;
  let trial: Trial | undefined;
  try {
    const symptoms = await rolledBack(sql, async (transaction) => {
      trial = new Trial(transaction, dialect, names, fitting(texts, names, described));
      return trial.run();
    });
    return symptoms.map((symptom) => findingOfSymptom(symptom, tried));
  } catch (error) {
    const said = sentenceOf(error);
    if (
      trial === undefined ||
      setUpErrorOf(dialect, said) !== undefined ||
      PASSING.has(faultOf(dialect, said))
    ) {
      throw error;
    }
    const lacking = isDenial(dialect, said) ? await lackingPrivileges(sql, dialect, names, grantee) : [];
    return lacking.length > 0 ? lacking : [findingOfFailure(wordsOf(said), trial, isWide, tried)];
  }
}

/** The database's own error, where ours says of it only that the set-up is wrong. */
const sentenceOf = (error: unknown) => (error instanceof StoreError && causeOf(error)) || error;

function wordsOf(error: unknown): string {
  const { message = "" } = databaseErrorOf(error) ?? {};
  return message !== "" ? message : error instanceof Error ? error.message : String(error);
}
