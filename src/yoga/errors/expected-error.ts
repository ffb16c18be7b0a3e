import type { GraphQLError } from "graphql";
import { isStoredCode, isStoredStatus } from "../../core/browser/kept-answers.ts";

/**
 * Whether an error is a mutation's answer by default: it has an `extensions.code` or an `extensions.http.status`, and
 * neither says that the same request may succeed later (5xx kinds, missing rights, time-outs, conflicts, rate limits,
 * and the codes of this package).
 */
export function isExpectedError({ extensions }: GraphQLError): boolean {
  const { code, unexpected } = extensions;
  const status = (extensions["http"] as { status?: unknown } | null | undefined)?.status;
  if (unexpected === true || (code === undefined && status === undefined)) {
    return false;
  }
  return (code === undefined || isStoredCode(code)) && (status === undefined || isExpectedStatus(status));
}

/** Servers answer 200 for an error that is part of the data. */
function isExpectedStatus(status: unknown): boolean {
  return typeof status === "number" && isStoredStatus(status, true);
}
