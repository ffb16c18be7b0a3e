import { isIdempotencyError } from "../../core/contract/errors/errors.ts";
import type { Idempotency } from "../../core/contract/idempotency.ts";
import type { Finding } from "../../core/contract/upkeep/finding.ts";
import type { Answer } from "../answer.ts";

/** What `upgrade` has found. */
export interface UpgradeReport extends Answer {
  readonly json: {
    /** SQL, in the order in which it is to be run; empty if the tables need none. */
    readonly statements: readonly string[];
    /** What the statements mend. */
    readonly mended: readonly Finding[];
    /** What keeps runs from working, and no statement mends by itself. */
    readonly left: readonly Finding[];
  };
}

/**
 * Says what the tables lack for this version of the package, as SQL whose comments say why. Runs none of it.
 *
 * @throws IdempotencyError as `check` does, but for what it finds.
 */
export async function upgrade(idempotency: Pick<Idempotency<unknown>, "check">): Promise<UpgradeReport> {
  const findings = await findingsOf(idempotency);
  const mended = findings.filter(({ remedy }) => remedy !== undefined);
  const left = findings.filter(({ remedy, severity }) => remedy === undefined && severity === "fatal");
  // One statement may mend several columns.
  const statements = [...new Set(mended.flatMap(({ remedy = [] }) => remedy))];
  const isDone = statements.length === 0 && left.length === 0;
  return {
    lines: isDone ? ["-- The tables have what this version needs: nothing to do."] : linesOf(mended, left),
    json: { statements, mended, left },
    isNo: !isDone,
  };
}

async function findingsOf(idempotency: Pick<Idempotency<unknown>, "check">): Promise<readonly Finding[]> {
  try {
    return await idempotency.check();
  } catch (error) {
    const { findings } =
      isIdempotencyError(error) && error.code === "STORE_MISCONFIGURED" ? error.details : {};
    if (findings === undefined) {
      throw error;
    }
    return findings;
  }
}

/** All of it is SQL, so that it may be piped to a client of the database, or into a migration. */
function linesOf(mended: readonly Finding[], left: readonly Finding[]): string[] {
  const said = new Set<string>();
  const lines = mended.flatMap((finding) => {
    const fresh = (finding.remedy ?? []).filter((statement) => !said.has(statement));
    for (const statement of fresh) {
      said.add(statement);
    }
    return [commentOf(finding), ...fresh.map((statement) => `${statement};`)];
  });
  return [
    ...lines,
    ...left.map((finding) => `${commentOf(finding)} No statement mends that by itself.`),
    "-- Nothing was run. Once it was, look again: some things show only when others are right.",
  ];
}

const commentOf = ({ subject, message }: Finding) => `-- ${subject}: ${message}`.replaceAll(/\s+/g, " ");
