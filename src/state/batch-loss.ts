/**
 * A planned range whose records were deleted before they were read (retention, a recreated topic) is sealed as what could still be read and
 * a gap for what could not, once the operator accepted the loss. The rule that keeps P1: per partition, the manifest's ranges and gaps
 * cover exactly the planned ones, and a planned gap stays a gap.
 */
import type { GapJson, RangeJson, StreamIntent } from '../core/batch.ts';

type Chain = Pick<StreamIntent, 'ranges' | 'gaps'>;

/** Why `sealed` does not fulfil `planned`; null when it does. */
export function lossDifference(planned: Chain, sealed: Chain): string | null {
  const plannedGaps = new Set(planned.gaps.map(textOf));
  const newGaps = sealed.gaps.filter((gap) => !plannedGaps.has(textOf(gap)));
  const hasPlannedGaps = sealed.gaps.length - newGaps.length === planned.gaps.length;
  // A gap without an end closes its epoch: that is decided when a batch is planned, with the epoch that follows it.
  const covers =
    newGaps.every(({ to }) => to !== null) && coverage([...sealed.ranges, ...newGaps]) === coverage(planned.ranges);
  if (hasPlannedGaps && covers) return null;
  return `its ranges are ${JSON.stringify(sealed.ranges)} and its gaps ${JSON.stringify(sealed.gaps)}, planned were ${JSON.stringify(planned.ranges)} and ${JSON.stringify(planned.gaps)}`;
}

function textOf({ topic, epoch, partition, from, to, reason }: GapJson): string {
  return JSON.stringify([topic, epoch, partition, from, to, reason]);
}

/** Per partition the covered offsets in order, neighbours joined; what overlaps stays apart and so never equals a plan. */
function coverage(parts: readonly (RangeJson | GapJson)[]): string {
  const ordered = parts
    .map(({ topic, epoch, partition, from, to }) => ({
      at: JSON.stringify([topic, epoch, partition]),
      from: BigInt(from),
      to: BigInt(to ?? from),
    }))
    .toSorted((a, b) => (a.at === b.at ? Number(a.from - b.from) || Number(a.to - b.to) : a.at < b.at ? -1 : 1));
  const joined: { readonly at: string; readonly from: bigint; to: bigint }[] = [];
  for (const part of ordered) {
    const before = joined.at(-1);
    if (before?.at === part.at && before.to === part.from) before.to = part.to;
    else joined.push({ ...part });
  }
  return joined.map(({ at, from, to }) => `${at} ${from}-${to}`).join('\n');
}
