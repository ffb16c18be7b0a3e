/** The client of the payment provider. */
import type { ChargeRequest, NotedRequest } from "../provider/open-provider.ts";

const url = process.env["CHECKOUT_PROVIDER_URL"] ?? "";

/** Charges once per key, however often it is asked. */
export async function charge(asked: ChargeRequest, key: string): Promise<NotedRequest> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": key },
    body: JSON.stringify(asked),
  });
  return (await response.json()) as NotedRequest;
}

/** What the provider was asked for, in order. */
export async function notedRequests(): Promise<NotedRequest[]> {
  return (await (await fetch(url)).json()) as NotedRequest[];
}

export async function forgetRequests(): Promise<void> {
  await fetch(url, { method: "DELETE" });
}
