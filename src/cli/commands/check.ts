import type { Command } from "commander";
import { isIdempotencyError } from "../../core/contract/errors/errors.ts";
import type { Idempotency } from "../../core/contract/idempotency.ts";
import type { Finding } from "../../core/contract/upkeep/finding.ts";
import type { Answer } from "../answer.ts";
import { setUpFailureOf } from "../failure.ts";
import { shown, styled } from "../terminal/text.ts";
import { onApplication, withExamples } from "./application-command.ts";
import { CHECK_OPERATION, liveRun } from "./live-run.ts";

/** `onceonly check` */
export function registerCheck(program: Command): void {
  const command = program
    .command("check")
    .summary("looks at the set-up, and tries a key of its own")
    .description(
      "Looks at tables, indexes, server and client, then has a key of its own executed, replayed and forgotten. Code 1 if something " +
        "is fatal.",
    );
  withExamples(onApplication(command, checked), "check");
}

/** What `onceonly check` answers. */
export async function checked(idempotency: Idempotency<unknown>): Promise<Answer> {
  const setUp = await setUpFindings(idempotency);
  const isFatal = (found: readonly Finding[]) => found.some(({ severity }) => severity === "fatal");
  const runs = isFatal(setUp) ? undefined : await liveRun(idempotency);
  const findings = [...setUp, ...(runs ?? [])];
  const isNo = isFatal(findings);
  const lines = findings.map(({ severity, subject, message }) => {
    const mark = severity === "fatal" ? styled("red", "fatal  ") : styled("yellow", "warning");
    return `${mark}  ${shown(subject)}: ${shown(message)}`;
  });
  const ran =
    runs === undefined
      ? []
      : runs.length === 0
        ? [ok("a key executed, replayed and forgotten", CHECK_OPERATION)]
        : [];
  const setUpLine = isFatal(setUp) ? [] : [ok("the set-up", "tables, indexes, server, client")];
  return {
    lines: [...setUpLine, ...lines, ...ran],
    json: {
      ok: !isNo,
      findings,
      liveRun: runs === undefined ? "left out" : runs.length === 0 ? "ok" : "failed",
    },
    isNo,
  };
}

const ok = (what: string, detail: string): string => `${styled("green", "ok     ")}  ${what} (${detail})`;

/** A set-up that cannot work is an answer, too. */
async function setUpFindings(idempotency: Idempotency<unknown>): Promise<readonly Finding[]> {
  try {
    return await idempotency.check();
  } catch (error) {
    if (!isIdempotencyError(error) || error.code !== "STORE_MISCONFIGURED") {
      throw error;
    }
    return (
      error.details.findings ?? [{ severity: "fatal", subject: "the set-up", message: setUpFailureOf(error) }]
    );
  }
}
