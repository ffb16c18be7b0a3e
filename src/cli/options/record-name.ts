import type { Command } from "commander";
import { pastedKey } from "../../core/browser/key-header.ts";
import type { RecordName } from "../../core/contract/upkeep/inspection.ts";
import { CliError } from "../cli-error.ts";

/** The options by which a command names a record. */
export interface NameOptions {
  readonly operation?: string;
  readonly scope?: string;
  readonly key?: string;
  readonly id?: string;
}

/** Adds {@link NameOptions}. */
export function withRecordName(command: Command): Command {
  return command
    .option("--operation <name>", "what was executed, such as orders.place")
    .option("--scope <scope>", "who sent it")
    .option("--key <key>", "the key that was sent")
    .option("--id <id>", "the id of events and traces, instead of these three");
}

/** @throws {@link CliError} for options that do not name one record. */
export function recordName({ operation, scope, key, id }: NameOptions): RecordName {
  const parts = Object.entries({ operation, scope, key });
  const missing = parts.filter(([, value]) => value === undefined).map(([name]) => `--${name}`);
  if (id !== undefined) {
    if (missing.length < parts.length) {
      throw new CliError("--id names a record by itself: leave --operation, --scope and --key out.");
    }
    return { id };
  }
  if (operation === undefined || scope === undefined || key === undefined) {
    throw new CliError(
      `A record has a name of three parts, and ${missing.join(" and ")} ${missing.length === 1 ? "is" : "are"} missing: give ` +
        "--operation, --scope and --key, or --id alone.",
    );
  }
  return { operation, scope, key: pastedKey(key) };
}

/** A record's name for a sentence. */
export function shownName(name: RecordName): string {
  return "id" in name ? `id ${name.id}` : `key ${name.key} of ${name.operation}, scope ${name.scope}`;
}
