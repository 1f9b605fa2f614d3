/** Dead letters that a replay landed after all get the replay's logical time, whichever of the two was loaded first. */
import type { Manifest } from '../../core/batch.ts';
import { timestamp } from './literals.ts';

export interface Replay {
  readonly seq: number;
  /** Timestamp literal. */
  readonly at: string;
}

export function replaysOf(manifests: readonly Manifest[]): readonly Replay[] {
  return manifests
    .filter((manifest) => manifest.kind === 'replay')
    .map((manifest) => ({ seq: manifest.seq, at: timestamp(manifest.logicalTime) }));
}

interface ReplayTables {
  readonly dead: string;
  readonly stream: string;
  readonly snapshot: string;
}

export function replayUpdate({ dead, stream, snapshot }: ReplayTables, { seq, at }: Replay): string {
  return `update ${dead} as dead set _replayed_at = ${at}
from (
    select _topic, _epoch, _partition, _offset, null as _snapshot_id, null as _page, null as _row
    from ${stream} where _seq = ${seq}
    union all
    select null, null, null, null, _snapshot_id, _page, _row from ${snapshot} where _seq = ${seq}
) as good
where dead._replayed_at is null
    and dead._topic is not distinct from good._topic and dead._epoch is not distinct from good._epoch
    and dead._partition is not distinct from good._partition and dead._offset is not distinct from good._offset
    and dead._snapshot_id is not distinct from good._snapshot_id and dead._page is not distinct from good._page
    and dead._row is not distinct from good._row`;
}
