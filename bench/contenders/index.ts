import { bare } from "./bare.ts";
import type { Contender } from "./contender.ts";
import { dbos } from "./dbos.ts";
import { handwritten, handwrittenTx } from "./handwritten.ts";
import { nodeIdempotency } from "./node-idempotency.ts";
import { onceonly, onceonlyLease } from "./onceonly.ts";
import { powertools } from "./powertools.ts";
import { raw } from "./raw.ts";

/** All, in the order of tables and plots. */
export const contenders: readonly Contender[] = [
  bare,
  raw,
  handwritten,
  handwrittenTx,
  dbos,
  nodeIdempotency,
  powertools,
  onceonly,
  onceonlyLease,
];
