import type { Command } from "commander";
import type { Idempotency } from "../../core/contract/idempotency.ts";
import type { Answer } from "../answer.ts";
import { stoppable } from "../terminal/stopping.ts";
import { onApplication, withExamples } from "./application-command.ts";

/** `onceonly reencrypt` */
export function registerReencrypt(program: Command): void {
  const command = program
    .command("reencrypt")
    .summary("encrypts what is stored by the current key")
    .description(
      "Encrypts what the tables hold by the current key of option encryption: after a change of keys, or after encryption was turned " +
        "on. Code 1 if a text could not be read, or if it was stopped, by Ctrl-C or SIGTERM.",
    );
  withExamples(onApplication(command, reencrypted), "reencrypt");
}

/** What `onceonly reencrypt` answers. */
function reencrypted(idempotency: Idempotency<unknown>): Promise<Answer> {
  return stoppable(async (signal) => {
    const done = await idempotency.reencrypt({ signal });
    const { records, rewritten, unreadable } = done;
    const isStopped = signal.aborted;
    const unread =
      unreadable === 0
        ? []
        : [
            `Not readable: ${unreadable}. Their key is missing in option encryption.keys, they were changed, or they are not encrypted and plaintext is "refuse".`,
          ];
    return {
      lines: [
        `${isStopped ? "Stopped. Records" : "Records"} looked at: ${records}, texts encrypted anew: ${rewritten}.`,
        ...unread,
      ],
      json: { ...done, isStopped },
      isNo: isStopped || unreadable > 0,
    };
  });
}
