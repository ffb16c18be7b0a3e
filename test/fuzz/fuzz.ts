/** Properties that are tried for a time instead of a number of runs: half a second each in `npm test`, and longer in the long run. */
import fc from "fast-check";
import { budget, times } from "../support/scale.ts";

/** FUZZ_SEED=... repeats a run; what fails says its seed, and the path to the smallest input that does. */
const given = process.env["FUZZ_SEED"];
const first = given === undefined ? Math.trunc(Math.random() * 0x7fff_ffff) : Number(given);

const MS = times({ short: 500, long: 15_000 });
/** So few that what a batch finds is made smaller without a limit of time. */
const BATCH = 50;

/** @returns how many runs there were. */
export async function fuzz(
  property: fc.IRawProperty<unknown>,
  { ms = MS, examples = [] }: { ms?: number; examples?: readonly unknown[] } = {},
): Promise<number> {
  const goesOn = budget({ least: 1, most: Infinity, ms });
  let batch = 0;
  for (; goesOn(batch); batch += 1) {
    await fc.assert(property, {
      seed: first + batch,
      numRuns: BATCH + (batch === 0 ? examples.length : 0),
      ...(batch === 0 ? { examples: examples.map((example) => [example]) as never } : {}),
    });
  }
  process.stdout.write(`FUZZ_SEED=${first}: ${batch * BATCH} runs\n`);
  return batch * BATCH;
}

/** Texts near to some: with parts put in, taken out, doubled and exchanged. */
export function near(texts: readonly string[], parts: readonly string[]): fc.Arbitrary<string> {
  const edit = fc.record({
    kind: fc.constantFrom("insert", "delete", "double", "replace"),
    at: fc.nat(200),
    length: fc.integer({ min: 1, max: 8 }),
    part: fc.constantFrom(...parts),
  });
  const edited = (
    text: string,
    { kind, at, length, part }: { kind: string; at: number; length: number; part: string },
  ) => {
    const from = text.length === 0 ? 0 : at % (text.length + 1);
    const to = kind === "insert" || kind === "double" ? from : from + length;
    const put = kind === "delete" ? "" : kind === "double" ? text.slice(from, from + length) : part;
    return text.slice(0, from) + put + text.slice(to);
  };
  return fc
    .tuple(fc.constantFrom(...texts), fc.array(edit, { maxLength: 6 }))
    .map(([text, edits]) => edits.reduce(edited, text));
}
