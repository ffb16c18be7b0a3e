import type { StepContext } from "onceonly";

/** The service did not do what was asked, or nobody knows. */
export class ServiceError extends Error {}

/**
 * Asks the service for something under the step's own key, and returns the id of what it made. Whatever goes wrong is
 * thrown: the outcome stays unknown, and the service is asked again with the same key.
 */
export async function post(
  url: string,
  { key, signal }: Pick<StepContext, "key" | "signal">,
  body: { readonly reference: string },
): Promise<string> {
  const { pathname } = new URL(url);
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": key },
    body: JSON.stringify(body),
    signal,
  }).catch((cause: unknown) => {
    throw new ServiceError(`${pathname} did not answer`, { cause });
  });
  if (!response.ok) throw new ServiceError(`${pathname} answered ${response.status}`);
  const { id } = (await response.json()) as { id: string };
  return id;
}
