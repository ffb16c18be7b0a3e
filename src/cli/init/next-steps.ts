import { dialects, type Provider } from "../../sql/dialects.ts";
import { modelsFileOf } from "./models.ts";

/** What is left to do once the models are in the schema: a command, or a sentence, each. `schema` is what Prisma has to be told. */
export function nextSteps(provider: Provider, schema: string | undefined): string[] {
  const told =
    schema === undefined ? "" : ` --schema ${/^[\w./@-]+$/.test(schema) ? schema : JSON.stringify(schema)}`;
  const migrate = `npx prisma migrate dev --name idempotency${told}`;
  const generate = `npx prisma generate${told}`;
  if (dialects[provider].remedies.schemaSaysAll) {
    return [`${migrate}   (or: npx prisma db push${told})`, generate];
  }
  const sql = `node_modules/onceonly/${modelsFileOf(provider).replace(/\.prisma$/, ".sql")}`;
  return [
    `npx prisma migrate dev --create-only --name idempotency${told}`,
    `put ${sql} in place of the same tables in its migration.sql: a Prisma schema cannot say their collations`,
    `npx prisma migrate dev${told}`,
    `(or, in place of these three: npx prisma db push${told}, and then the SQL that npx onceonly upgrade prints)`,
    generate,
  ];
}
