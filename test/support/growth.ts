/** What something costs as its input grows: in the CPU time of this process, which a busy machine does not make longer. */

type Work = (size: number) => unknown;

const FACTOR = 32;

/**
 * By how much `work` of size 32 n costs more than 32 times `work` of size n: about 1 where the costs are linear, and 32 where
 * they are quadratic.
 */
export async function growthOf(work: Work, size: number): Promise<number> {
  const small = async () => {
    for (let time = 0; time < FACTOR; time += 1) await work(size);
  };
  const large = async () => {
    await work(size * FACTOR);
  };
  // The first ones are compiled on the way; the least is what nobody has disturbed.
  const costs = { small: Infinity, large: Infinity };
  for (let turn = 0; turn < 5; turn += 1) {
    costs.small = Math.min(costs.small, await costOf(small));
    costs.large = Math.min(costs.large, await costOf(large));
  }
  return costs.large / costs.small;
}

async function costOf(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  // What takes no time to speak of is not compared.
  return Math.max(user + system, 1_000);
}

/** Half of that of quadratic costs. Garbage and caches make large inputs dearer too, up to nine times on a busy machine. */
export const LINEAR = FACTOR / 2;
