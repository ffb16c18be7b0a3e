/**
 * The network as this page sees it: breaks what the panel asks for, gives up an attempt after three seconds, and keeps
 * a list of attempts to show. A real application hands `fetch` itself to its clients.
 */
import { useSyncExternalStore } from "react";
import type { Fault } from "../app/faults.ts";
import type { Lane } from "./lanes.ts";

export interface Attempt {
  readonly number: number;
  readonly lane: Lane;
  /** As the request's header says; undefined without one. */
  readonly key: string | undefined;
  readonly state: "pending" | "answered" | "replayed" | "refused" | "late" | "lost";
  readonly status?: number;
  /** Milliseconds since 1970, by this computer's clock. */
  readonly sentAt: number;
  readonly endedAt?: number;
}

const ATTEMPT_MS = 3_000;

let attempts: readonly Attempt[] = [];
let nextFault: Fault = "none";
const listeners = new Set<() => void>();

export function useAttempts(): readonly Attempt[] {
  return useSyncExternalStore(subscribe, () => attempts);
}

export function forgetAttempts(): void {
  show([]);
}

/** The next request is broken, those after it are not. */
export function breakNextRequest(fault: Fault): void {
  nextFault = fault;
}

/** tRPC sets options it does not need to undefined, which the type of `fetch` does not allow. */
type Init = { readonly [TName in keyof RequestInit]: RequestInit[TName] | undefined };

/** A `fetch` for payments. */
export async function paymentFetch(input: string | URL | Request, init: Init = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set("x-fault", nextFault);
  nextFault = "none";
  const number = attempts.length + 1;
  const key = headers.get("idempotency-key")?.replaceAll('"', "");
  const lane: Lane = key === undefined ? "without" : "with";
  const sent: Attempt = { number, lane, key, state: "pending", sentAt: Date.now() };
  show([...attempts, sent]);
  const note = (state: Attempt["state"], answer: Pick<Attempt, "status"> = {}) => {
    const ended: Attempt = { ...sent, ...answer, state, endedAt: Date.now() };
    show(attempts.map((attempt) => (attempt.number === number ? ended : attempt)));
  };

  const timeout = AbortSignal.timeout(ATTEMPT_MS);
  const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
  try {
    const response = await fetch(input, { ...(init as RequestInit), headers, signal });
    const replayed = response.headers.get("idempotent-replayed") === "true";
    note(response.ok ? (replayed ? "replayed" : "answered") : "refused", { status: response.status });
    return response;
  } catch (error) {
    note(timeout.aborted ? "late" : "lost");
    throw error;
  }
}

function show(next: readonly Attempt[]): void {
  attempts = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
