import { checkFunction, misuse } from "../../core/browser/option-checks.ts";
import { checkOptionNames, type OptionNames } from "../../core/contract/options/option-names.ts";
import type { Check, ConformanceCase, ConformanceOptions } from "./conformance-case.ts";
import { leaseCases } from "./leases.ts";
import { racingCases, transactionCases } from "./transactions.ts";
import { upkeepCases } from "./upkeep.ts";

const OPTIONS: OptionNames<Required<ConformanceOptions<unknown>>> = {
  open: "required",
  twoConnections: true,
};

/**
 * What every store must keep, as cases for any test runner. The databases of this package pass the same cases.
 *
 *     for (const { name, run } of storeConformance({ open })) {
 *       test(name, run);
 *     }
 *
 * They try what can be seen through the port. What a database does when a connection is lost, a process is killed, or a statement is
 * blocked at a certain moment is not among it.
 *
 * @throws TypeError for an option that cannot be used.
 */
export function storeConformance<TTransaction>(
  options: ConformanceOptions<TTransaction>,
): readonly ConformanceCase[] {
  checkOptionNames(options, OPTIONS);
  const { open, twoConnections = false } = options;
  checkFunction("open", open, "async () => ({ store, write, written })");
  if (open === undefined) {
    throw misuse("open", open, "a function such as async () => ({ store, write, written })");
  }
  const checks = {
    ...transactionCases,
    ...(twoConnections ? racingCases : {}),
    ...leaseCases,
    ...upkeepCases,
  };
  return Object.entries(checks).map(([name, check]) => caseOf(name, check, open));
}

function caseOf<TTransaction>(
  name: string,
  check: Check,
  open: ConformanceOptions<TTransaction>["open"],
): ConformanceCase {
  return {
    name,
    run: async () => {
      const test = await open();
      try {
        await check(test);
      } finally {
        await test.close?.();
      }
    },
  };
}
