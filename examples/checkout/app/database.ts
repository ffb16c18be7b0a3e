import { fileURLToPath } from "node:url";

/** A file beside this folder, or what CHECKOUT_DATABASE_URL says: `file:/some/path.db`, `postgresql://...`. */
export const databaseUrl =
  process.env["CHECKOUT_DATABASE_URL"] ?? `file:${fileURLToPath(new URL("../checkout.db", import.meta.url))}`;

export const provider = /^postgres(ql)?:/.test(databaseUrl) ? "postgresql" : "sqlite";
