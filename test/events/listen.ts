/** Listens on the channels that tell what becomes of calls. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { IdempotencyEvents } from "../../src/core/contract/events.ts";

const NAMES = [
  "executed",
  "stored",
  "replayed",
  "refused",
  "released",
  "retried",
  "waited",
  "takeover",
  "lease-lost",
  "given-up",
  "pruned",
  "unkeyed",
] as const;

type Heard = [name: string, message: Record<string, unknown>];

export function listen() {
  const heard: Heard[] = [];
  const listeners = NAMES.map((name) => {
    const listener = (message: unknown) => {
      heard.push([name, { ...(message as object) }]);
    };
    subscribe(`onceonly:${name}` satisfies keyof IdempotencyEvents, listener);
    return () => unsubscribe(`onceonly:${name}`, listener);
  });
  return {
    heard,
    /** What was heard since the last look. */
    take: () => heard.splice(0),
    [Symbol.dispose]: () => listeners.forEach((stop) => stop()),
  };
}
