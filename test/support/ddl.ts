import { readFileSync } from "node:fs";
import type { Variant } from "./clients.ts";
import type { Provider } from "./providers.ts";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");

/** The tables of the test application and ours. A mapped schema has its own form of ours. */
export function ddl(provider: Provider, variant: Variant): string {
  if (variant === "mapped") return read(`./schemas/${provider}-mapped.sql`);
  return read(`./schemas/${provider}.sql`) + read(`../../prisma/${provider}/idempotency.sql`);
}
