/** Ours and the bare thing by turns, so that whatever else the machine does meets both. */

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined) throw new RangeError('a median of nothing');
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** The middle one of several runs by a measure of them. */
export function middleRun<T>(runs: readonly T[], measure: (run: T) => number): T {
  const found = runs.toSorted((left, right) => measure(left) - measure(right))[(runs.length - 1) >> 1];
  if (found === undefined) throw new RangeError('the middle of no runs');
  return found;
}

export interface Pairs<A, B> {
  readonly ours: readonly A[];
  readonly bare: readonly B[];
}

/** The order of the two changes from round to round. */
export async function pairs<A, B>(
  rounds: number,
  ours: (round: number) => Promise<A>,
  bare: (round: number) => Promise<B>,
): Promise<Pairs<A, B>> {
  const left: A[] = [];
  const right: B[] = [];
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) {
      left.push(await ours(round));
      right.push(await bare(round));
    } else {
      right.push(await bare(round));
      left.push(await ours(round));
    }
  }
  return { ours: left, bare: right };
}

/** Median over the rounds of ours as a multiple of the bare one beside it: seconds, where nothing else is asked for. */
export function timesBare<T>(
  { ours, bare }: { readonly ours: readonly T[]; readonly bare: readonly T[] },
  measure: (run: T) => number,
): number {
  return median(
    ours.map((run, round) => {
      const beside = bare[round];
      if (beside === undefined) throw new RangeError('a round without its pair');
      return measure(run) / measure(beside);
    }),
  );
}
