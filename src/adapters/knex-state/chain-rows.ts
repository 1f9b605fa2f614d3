/** The offset chain in its tables: ranges, gaps, and the positions derived from them. */
import type { GapJson, RangeJson } from '../../core/batch.ts';
import type { ChainLink } from '../../state/offset-chain.ts';
import { comparePositions } from '../../state/offset-chain.ts';
import type { Position } from '../../state/ports.ts';
import type { Row, Session } from './session.ts';
import { insertRows, integer, text, textOrNull } from './session.ts';

const FROM_TO = 'cast(from_offset as text) as from_offset, cast(to_offset as text) as to_offset';

export async function readPositions(session: Session, job: string): Promise<readonly Position[]> {
  const rows = await session.rows(
    `select topic, epoch, partition_no, cast(next_offset as text) as next_offset, closed,
            cast(last_offset as text) as last_offset, last_checksum
       from sluice_position where job = ?`,
    [job],
  );
  return rows.map(position).toSorted(comparePositions);
}

export async function readGaps(session: Session, job: string): Promise<readonly GapJson[]> {
  const rows = await session.rows(
    `select topic, epoch, partition_no, ${FROM_TO}, reason from sluice_range
      where job = ? and kind = 'gap' order by seq, topic, epoch, partition_no, sluice_range.from_offset`,
    [job],
  );
  return rows.map((row) => ({
    ...partitionOf(row),
    from: text(row, 'from_offset'),
    to: textOrNull(row, 'to_offset'),
    reason: text(row, 'reason') as GapJson['reason'],
  }));
}

export async function readRanges(session: Session, job: string): Promise<readonly (RangeJson & { seq: number })[]> {
  const rows = await session.rows(
    `select topic, epoch, partition_no, ${FROM_TO}, seq from sluice_range
      where job = ? and kind = 'range' order by seq, topic, epoch, partition_no, sluice_range.from_offset`,
    [job],
  );
  return rows.map((row) => ({
    ...partitionOf(row),
    from: text(row, 'from_offset'),
    to: text(row, 'to_offset'),
    seq: integer(row, 'seq'),
  }));
}

export function insertLinks(
  session: Session,
  job: string,
  links: readonly (ChainLink & { readonly seq: number })[],
): Promise<void> {
  return insertRows(
    session,
    'sluice_range',
    ['job', 'topic', 'epoch', 'partition_no', 'from_offset', 'to_offset', 'kind', 'reason', 'seq'],
    links.map((link) => [
      job,
      link.topic,
      link.epoch,
      link.partition,
      link.from,
      link.to,
      link.kind,
      link.reason,
      link.seq,
    ]),
  );
}

export function storePositions(session: Session, job: string, positions: readonly Position[]): Promise<void> {
  return insertRows(
    session,
    'sluice_position',
    ['job', 'topic', 'epoch', 'partition_no', 'next_offset', 'closed', 'last_offset', 'last_checksum'],
    positions.map((at) => [
      job,
      at.topic,
      at.epoch,
      at.partition,
      at.next,
      at.closed ? 1 : 0,
      at.last?.offset ?? null,
      at.last?.checksum ?? null,
    ]),
    `on conflict (job, topic, epoch, partition_no) do update
       set next_offset = excluded.next_offset, closed = excluded.closed,
           last_offset = excluded.last_offset, last_checksum = excluded.last_checksum`,
  );
}

function position(row: Row): Position {
  const offset = textOrNull(row, 'last_offset');
  return {
    ...partitionOf(row),
    next: text(row, 'next_offset'),
    last: offset === null ? null : { offset, checksum: text(row, 'last_checksum') },
    closed: integer(row, 'closed') !== 0,
  };
}

function partitionOf(row: Row): { topic: string; epoch: number; partition: number } {
  return { topic: text(row, 'topic'), epoch: integer(row, 'epoch'), partition: integer(row, 'partition_no') };
}
