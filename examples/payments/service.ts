/**
 * Somebody else's service, over HTTP: a provider of payments that takes charges, and anything else that is posted to it. It fails at random, as
 * networks do, and has idempotency keys of its own: a key that it has accepted gets the first answer again.
 */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

/** What may happen to a request. After the second and the third, its sender does not know whether it was accepted. */
const FAULTS = ["503, nothing done", "500, but accepted", "accepted, connection dropped"] as const;
type Fault = (typeof FAULTS)[number];

export interface ServiceOptions {
  /** How many requests go wrong, from 0 to 1. Default 0. */
  failureRate?: number;
  /** The longest time before a request is looked at, in milliseconds. Default 0. */
  delayMsMax?: number;
  /** In [0, 1). Default `Math.random`. */
  random?: () => number;
  /** Called when a request was accepted, before its answer is sent. Default: nothing. */
  onAccepted?: (request: Effect) => Promise<void>;
  /** Called for each request that went wrong. */
  onFault?: (fault: Fault, request: Effect) => void;
}

/** Something that the service has done: money that moved, a parcel that left. */
interface Effect {
  /** The path it was posted to, for example `charges`. */
  kind: string;
  /** The idempotency key under which it was accepted. */
  key: string;
  id: string;
  /** What it was asked for. */
  body: { reference: string };
}

export interface Service extends AsyncDisposable {
  url: string;
  /** In the order in which they were accepted. */
  effects: Effect[];
  /** How many requests came, including those that went wrong. */
  requests: number;
}

export async function openService(options: ServiceOptions = {}): Promise<Service> {
  const { failureRate = 0, delayMsMax = 0, random = Math.random, onFault = () => {}, onAccepted } = options;
  const accepted = new Map<string, Effect>();
  const effects: Effect[] = [];

  /** Accepts each key once. */
  function accept(asked: Effect): Effect {
    const known = accepted.get(asked.key);
    if (known !== undefined) return known;
    accepted.set(asked.key, asked);
    effects.push(asked);
    return asked;
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    service.requests += 1;
    const kind = request.url?.slice(1) ?? "";
    const key = String(request.headers["idempotency-key"] ?? "");
    const body = (await json(request)) as Effect["body"];
    const asked = { kind, key, id: `${kind}-${randomUUID().slice(0, 8)}`, body };
    if (delayMsMax > 0) await sleep(random() * delayMsMax);
    if (key === "") return reply(response, 400, { error: "no idempotency key" });
    const known = accepted.get(key);
    if (known !== undefined && JSON.stringify([known.kind, known.body]) !== JSON.stringify([kind, body])) {
      return reply(response, 422, { error: "the key was used for something else" });
    }
    const fault = random() < failureRate ? FAULTS[Math.floor(random() * FAULTS.length)] : undefined;
    if (fault !== undefined) onFault(fault, asked);
    if (fault === "503, nothing done") return reply(response, 503, { error: "try again" });
    const { id } = accept(asked);
    await onAccepted?.(asked);
    if (fault === "500, but accepted") return reply(response, 500, { error: "something broke" });
    if (fault === "accepted, connection dropped") return void response.destroy();
    reply(response, 201, { id });
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  // A busy customer may send on a connection just when it is closed for being idle.
  server.keepAliveTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const service: Service = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    effects,
    requests: 0,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return service;
}

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
}
