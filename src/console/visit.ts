import type { Operator } from "./access/operator.ts";
import type { ConsoleIdempotency } from "./options.ts";
import type { OverviewCache } from "./overview-cache.ts";
import type { Place } from "./pages/layout.tsx";

/** A request by somebody who was let in. */
export interface Visit extends Place {
  readonly request: Request;
  readonly url: URL;
  readonly idempotency: ConsoleIdempotency;
  readonly overview: OverviewCache;
  readonly operator: Operator;
}
