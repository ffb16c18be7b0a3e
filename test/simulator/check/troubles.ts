/** Has troubles happen at their moments. */
import type { Connection, Network } from "../database/network.ts";
import type { Server } from "../database/server.ts";
import type { SimulatedProcess } from "../world/process.ts";
import type { World } from "../world/world.ts";
import type { Trouble } from "./plan.ts";
import { OPERATION, type Running, SCOPE } from "./running.ts";

/** Where troubles happen. */
export interface Stage {
  readonly world: World;
  readonly network: Network;
  readonly server: Server;
  /** By number; `undefined` while a process is dead. */
  readonly running: readonly (Running | undefined)[];
  /** Kills a process, which comes back later. */
  kill(process: SimulatedProcess, trouble: Trouble & { readonly what: "kill" }): void;
}

export class Troubles {
  readonly #stage: Stage;
  /** When the last one is over that has happened so far. */
  calmAt = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  prepare(trouble: Trouble): void {
    const { moment } = trouble;
    if ("at" in moment) {
      this.#stage.world.at(moment.at, () => this.#happen(trouble));
      return;
    }
    const hook = moment.side === "before" ? "beforeSend" : "afterSend";
    const others = this.#stage.network[hook];
    let met = 0;
    this.#stage.network[hook] = (connection, text) => {
      others(connection, text);
      if (text.includes(moment.with)) {
        met += 1;
        if (met === moment.number) this.#happen(trouble, connection);
      }
    };
  }

  #happen(trouble: Trouble, connection?: Connection): void {
    const world = this.#stage.world;
    const calmIn = (ms: number) => {
      this.calmAt = Math.max(this.calmAt, world.now + ms);
    };
    const chosen = "process" in trouble ? this.#stage.running[trouble.process]?.process : undefined;
    const process = connection?.process ?? chosen;
    switch (trouble.what) {
      case "kill":
        if (process === undefined) return;
        // What it does at this moment it still does: code that runs cannot be ended in its middle.
        world.after(0, () => this.#stage.kill(process, trouble));
        return calmIn(trouble.backAfterMs);
      case "stop":
        if (process === undefined) return;
        world.tell(process.name, () => `is stopped for ${Math.round(trouble.forMs)} ms`);
        process.stoppedUntil = world.now + trouble.forMs;
        return calmIn(trouble.forMs);
      case "cut":
        if (connection === undefined) return;
        world.tell("network", () => `cuts ${connection.name} as it sends that`);
        connection.cut(trouble);
        return calmIn(Math.min(trouble.clientAfterMs, trouble.serverAfterMs));
      case "fail":
        world.tell("database", () => `will fail that with ${trouble.code}`);
        this.#stage.network.failNext = trouble.code;
        return;
      case "read only":
        world.tell("database", () => `takes no writes for ${Math.round(trouble.forMs)} ms`);
        this.#stage.server.readOnlyUntil = world.now + trouble.forMs;
        return calmIn(trouble.forMs);
      case "crash":
        if (!this.#stage.server.isUp) return;
        world.after(0, () => this.#stage.server.crash(trouble.downMs));
        return calmIn(trouble.downMs);
      case "slow":
        world.tell("network", () => `is ${trouble.times} times slower for ${Math.round(trouble.forMs)} ms`);
        this.#stage.network.slowness = trouble.times;
        world.after(trouble.forMs, () => {
          this.#stage.network.slowness = 1;
        });
        return calmIn(trouble.forMs);
      case "database clock":
        world.tell("database", () => `sets its clock by ${Math.round(trouble.byMs)} ms`);
        this.#stage.server.aheadMs += trouble.byMs;
        return;
      case "process clock":
        if (process !== undefined) process.clocks.wallAheadMs += trouble.byMs;
        return;
      case "prune":
        void this.#stage.running[trouble.process]?.idempotency.prune().catch(() => {});
        return;
      case "forget":
        void this.#stage.running[trouble.process]?.idempotency
          .forget({ operation: OPERATION, scope: SCOPE, key: trouble.key })
          .catch(() => {});
    }
  }
}
