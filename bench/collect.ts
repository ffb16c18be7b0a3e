import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

/**
 * Collects all garbage. Of libsql's, files are closed, a little later: each interactive transaction leaves two of them
 * open until then (measured with @libsql/client 0.17.4).
 */
export async function collect(): Promise<void> {
  gc();
  await sleep(10);
}
