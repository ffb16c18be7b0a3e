import type { Client } from "../driver/client.ts";
import type { Database } from "../driver/database.ts";
import type { ServerProcess } from "../driver/server-process.ts";

export interface Scenario {
  readonly title: string;
  /** What the library promises here, over either protocol. */
  readonly promise: string;
  /** Shows what happens, and returns whether the promise was kept. */
  run(demo: Demo, client: Client): Promise<boolean>;
}

/** What a scenario works with. */
interface Demo {
  readonly server: ServerProcess;
  readonly database: Database;
}
