// The global ones give numbers in Workers of before 2026-02-10.
import { clearTimeout, setTimeout } from "node:timers";
import type { BatchObservableResult, Meter, ObservableGauge } from "@opentelemetry/api";
import { warn } from "../core/contract/callbacks.ts";
import type { TableStats } from "../core/contract/upkeep/listing.ts";
import { forgetLastValue } from "./last-values.ts";

/** How long a collection waits for the database, in milliseconds. Prometheus gives up after ten seconds, and has nothing then. */
const WAIT_MS = 2_000;

/** What is read. */
export interface Table {
  stats(): Promise<TableStats>;
}

interface TableGauge {
  readonly name: `onceonly.${string}`;
  readonly unit: string;
  readonly description: string;
  readonly of: (stats: TableStats) => number | undefined;
}

const GAUGES: readonly TableGauge[] = [
  {
    name: "onceonly.records.in_progress",
    unit: "{record}",
    description: "Leased runs that have not ended, abandoned ones included; counted up to 100,000.",
    of: ({ inProgress }) => inProgress,
  },
  {
    name: "onceonly.records.abandoned",
    unit: "{record}",
    description: "Leased runs whose lease has lapsed or was given back; counted up to 100,000.",
    of: ({ abandoned }) => abandoned,
  },
  {
    name: "onceonly.records.expired",
    unit: "{record}",
    description: "Expired records that are not pruned yet; counted up to 100,000.",
    of: ({ expired }) => expired,
  },
  {
    name: "onceonly.records.oldest_expired.age",
    unit: "s",
    description: "How long ago the first of the expired records expired; 0 if there is none.",
    of: ({ oldestExpiredAt, now }) =>
      oldestExpiredAt === undefined ? 0 : Math.max(0, now.getTime() - oldestExpiredAt.getTime()) / 1_000,
  },
  {
    name: "onceonly.table.size",
    unit: "By",
    description: "Size of both tables with their indexes.",
    of: ({ bytes }) => bytes,
  },
];

/** Gauges of the state of the table, which one statement reads for each collection. */
export class TableGauges {
  readonly #table: Table;
  #bound: { readonly meter: Meter; readonly unbind: () => void } | undefined;
  /** The one that is under way. Its result is `undefined` if it fails, or does not come in time. */
  #reading: Promise<TableStats | undefined> | undefined;
  #isTold = false;

  constructor(table: Table) {
    this.#table = table;
  }

  /** Has this meter have the gauges, instead of the one before. */
  use(meter: Meter): void {
    if (this.#bound?.meter === meter) {
      return;
    }
    this.stop();
    const gauges = GAUGES.map(({ name, unit, description, of }) => ({
      of,
      gauge: meter.createObservableGauge(name, { unit, description }),
    }));
    const all = gauges.map(({ gauge }) => gauge);
    const observe = async (result: BatchObservableResult) => {
      const stats = await this.#read();
      for (const { gauge, of } of gauges) {
        observeOrForget(result, gauge, stats && of(stats));
      }
    };
    meter.addBatchObservableCallback(observe, all);
    const unbind = () => {
      meter.removeBatchObservableCallback(observe, all);
      all.forEach(forgetLastValue);
    };
    this.#bound = { meter, unbind };
  }

  stop(): void {
    this.#bound?.unbind();
    this.#bound = undefined;
  }

  /** Collections at the same time share one. Of one that is late, those that come until its end get nothing either. */
  #read(): Promise<TableStats | undefined> {
    if (this.#reading === undefined) {
      const stats = this.#stats();
      this.#reading = this.#inTime(stats);
      void stats.finally(() => {
        this.#reading = undefined;
      });
    }
    return this.#reading;
  }

  async #stats(): Promise<TableStats | undefined> {
    try {
      return await this.#table.stats();
    } catch (error) {
      this.#tell(error);
      return undefined;
    }
  }

  async #inTime(stats: Promise<TableStats | undefined>): Promise<TableStats | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => {
        this.#tell(new Error(`the database has not answered within ${WAIT_MS} ms`));
        resolve(undefined);
      }, WAIT_MS);
    });
    const read = await Promise.race([stats, late]);
    clearTimeout(timer);
    this.#isTold &&= read === undefined;
    return read;
  }

  /** Once, until it can be read again. */
  #tell(error: unknown): void {
    if (!this.#isTold) {
      this.#isTold = true;
      warn(
        "OnceonlyMetricsWarning",
        "onceonly: the state of the table cannot be read, and its gauges are left out until it can",
        error,
      );
    }
  }
}

function observeOrForget(
  result: BatchObservableResult,
  gauge: ObservableGauge,
  value: number | undefined,
): void {
  if (value === undefined) {
    forgetLastValue(gauge);
  } else {
    result.observe(gauge, value);
  }
}
