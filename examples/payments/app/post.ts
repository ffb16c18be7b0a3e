import type { StepContext } from "onceonly";

/**
 * Asks the service for something under the step's own key, and returns the id of what it made. Whatever goes wrong is
 * thrown: the outcome stays unknown, and the service is asked again with the same key.
 */
export async function post(
  url: string,
  { key, signal }: Pick<StepContext, "key" | "signal">,
  body: { readonly reference: string },
): Promise<string> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": key },
    body: JSON.stringify(body),
    signal,
  });
  if (!response.ok) throw new Error(`${new URL(url).pathname} answered ${response.status}`);
  const { id } = (await response.json()) as { id: string };
  return id;
}
