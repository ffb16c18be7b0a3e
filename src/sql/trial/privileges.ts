import type { Finding } from "../../core/contract/upkeep/finding.ts";
import type { Dialect } from "../dialect/dialect.ts";
import { isDenial } from "../dialect/faults.ts";
import type { Names, TableNames } from "../dialect/names.ts";
import type { SqlClient } from "../sql-client.ts";
import { rolledBack } from "./rolled-back.ts";

type Privilege = "SELECT" | "INSERT" | "UPDATE" | "DELETE";

/** Each statement needs one privilege, and touches no row. */
function statementsOf({ table, columns }: TableNames): Readonly<Record<Privilege, string>> {
  const all = Object.values<string>(columns);
  const nulls = all.map(() => "NULL").join(", ");
  const nowhere = "WHERE 1 = 0";
  return {
    SELECT: `SELECT ${all.join(", ")} FROM ${table} ${nowhere}`,
    INSERT: `INSERT INTO ${table} (${all.join(", ")}) SELECT ${nulls} FROM (SELECT 1 AS one) AS nothing ${nowhere}`,
    UPDATE: `UPDATE ${table} SET ${all.map((column) => `${column} = NULL`).join(", ")} ${nowhere}`,
    DELETE: `DELETE FROM ${table} ${nowhere}`,
  };
}

/** Only `prune` deletes. */
const severityOf = (privilege: Privilege) => (privilege === "DELETE" ? "warning" : "fatal");

/** The privileges on our tables that the user of the connection lacks, and how to give them. */
export async function lackingPrivileges(
  sql: SqlClient,
  dialect: Dialect,
  names: Names,
  grantee: string,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { table, ...rest } of [names.record, names.step]) {
    const lacking: Privilege[] = [];
    const statements = Object.entries(statementsOf({ table, ...rest })) as [Privilege, string][];
    for (const [privilege, text] of statements) {
      if (await isDenied(sql, dialect, text)) {
        lacking.push(privilege);
      }
    }
    for (const severity of ["fatal", "warning"] as const) {
      const privileges = lacking.filter((privilege) => severityOf(privilege) === severity).join(", ");
      if (privileges !== "") {
        const consequence = severity === "fatal" ? "so runs fail" : "so prune() and forget() fail";
        const grant = `GRANT ${privileges} ON ${table} TO ${grantee}`;
        const message = `${grantee} has no privilege ${privileges} on it, ${consequence}: ${grant}.`;
        findings.push({ severity, subject: `table ${table}`, message, remedy: [grant] });
      }
    }
  }
  return findings;
}

async function isDenied(sql: SqlClient, dialect: Dialect, text: string): Promise<boolean> {
  try {
    await rolledBack(sql, (transaction) => transaction.affectedRowsOf({ text, values: [] }));
    return false;
  } catch (error) {
    return isDenial(dialect, error);
  }
}
