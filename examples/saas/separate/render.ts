/** Stands in for a service that renders reports. It is out of order at first. */
const rendered = new Map<string, string>();
let isWorking = false;

export function repair(): void {
  isWorking = true;
}

/** `key` is the service's own idempotency key: one file for it, however often it is asked. */
export async function render(project: string, key: string): Promise<string> {
  if (!isWorking) throw new Error("the service is out of order");
  const file = rendered.get(key) ?? `${project}-${rendered.size + 1}.pdf`;
  rendered.set(key, file);
  return file;
}

export const countRendered = (): number => rendered.size;
