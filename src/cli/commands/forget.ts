import type { Command } from "commander";
import type { Idempotency } from "../../core/contract/idempotency.ts";
import type { InspectedRecord } from "../../core/contract/upkeep/inspection.ts";
import type { Answer } from "../answer.ts";
import { CliError } from "../cli-error.ts";
import { type NameOptions, recordName, shownName, withRecordName } from "../options/record-name.ts";
import { ask, canAsk } from "../terminal/prompts.ts";
import { shown } from "../terminal/text.ts";
import { onApplication, withExamples } from "./application-command.ts";
import { stateOf } from "./states.ts";

interface ForgetOptions extends NameOptions {
  readonly yes?: boolean;
}

/** `onceonly forget` */
export function registerForget(program: Command): void {
  const command = withRecordName(
    program
      .command("forget")
      .summary("deletes a record")
      .description(
        "Deletes a record with its steps: the next request with the key executes again. Asks first on a terminal. Code 1 if nothing " +
          "was deleted: there is no record, its leased run is alive, or the answer was no.",
      ),
  ).option("--yes", "do not ask, which is needed where there is no terminal");
  withExamples(
    onApplication(command, forgotten, checkOptions),
    "forget --operation orders.place --scope user-42 --key 8e03978e-40d5",
  );
}

function checkOptions(options: ForgetOptions): void {
  recordName(options);
  if (options.yes !== true && !canAsk()) {
    throw new CliError("forget asks before it deletes, and there is no terminal to ask on: give --yes.");
  }
}

/** What `onceonly forget` answers, when it has asked. */
export async function forgotten(idempotency: Idempotency<unknown>, options: ForgetOptions): Promise<Answer> {
  const name = recordName(options);
  const shownRecord = shown(shownName(name));
  if (options.yes !== true) {
    const record = await idempotency.inspect(name);
    if (record.state !== "unknown" && !(await ask(question(record)))) {
      return { lines: ["Nothing was deleted."], json: { result: "kept" }, isNo: true };
    }
  }
  const result = await idempotency.forget(name);
  const said = {
    forgotten: `Forgotten: ${shownRecord}. The next request with the key executes again.`,
    unknown: `There is no record of ${shownRecord}.`,
    in_progress: `Left alone: a leased run of ${shownRecord} is under way.`,
  };
  return { lines: [said[result]], json: { result }, isNo: result !== "forgotten" };
}

function question(record: InspectedRecord): string {
  const { operation, scope, key, claimedAt } = record;
  return (
    `${shown(operation)}, scope ${shown(scope)}, key ${shown(key)}: ${stateOf(record)}, claimed ${claimedAt.toISOString()}. ` +
    "The next request with this key executes again. Forget it?"
  );
}
