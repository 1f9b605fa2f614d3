/**
 * Commits offsets for a group without being its member, as a "simple consumer" does: ordinary lag monitors then show how far sluice
 * is. Nothing ever reads them back, so nothing here may hold up or fail a run.
 */
import { messageOf } from '../../core/errors.ts';
import type { KafkaConnection } from './connection.ts';
import { BrokerReply, ERROR_CODE } from './failures.ts';

export interface GroupOffset {
  readonly topic: string;
  readonly partition: number;
  /** The next offset to read. */
  readonly offset: bigint;
}

/** A fresh cluster creates its offsets topic first; longer than this nobody should wait for a courtesy. */
const COMMIT_FOR_MS = 5_000;
const NO_GENERATION = -1;

interface CoordinatorReply {
  readonly errorCode: number;
  readonly coordinator: { readonly host: string; readonly port: number };
}
interface CommitReply {
  readonly responses: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly errorCode: number }[];
  }[];
}

/** What went wrong, null when nothing did. */
export async function commitGroupOffsets(
  connection: KafkaConnection,
  group: string,
  offsets: readonly GroupOffset[],
): Promise<string | null> {
  if (offsets.length === 0) return null;
  try {
    await connection.retrying(`Committing offsets of group ${group}`, AbortSignal.timeout(COMMIT_FOR_MS), async () => {
      const { errorCode, coordinator } = await connection.toAny<CoordinatorReply>('GroupCoordinator', {
        groupId: group,
      });
      if (errorCode !== ERROR_CODE.NONE) throw new BrokerReply(errorCode, `group ${group}`);
      const topics = [...Map.groupBy(offsets, ({ topic }) => topic)].map(([topic, partitions]) => ({
        topic,
        partitions: partitions.map(({ partition, offset }) => ({ partition, offset: String(offset) })),
      }));
      const parameters = { groupId: group, groupGenerationId: NO_GENERATION, memberId: '', topics };
      const reply = await connection.toAddress<CommitReply>(coordinator, 'OffsetCommit', parameters);
      for (const { topic, partitions } of reply.responses) {
        for (const { partition, errorCode: code } of partitions) {
          // A topic that is gone stays gone: not worth the time of trying again.
          if (code === ERROR_CODE.UNKNOWN_TOPIC_OR_PARTITION)
            throw new Error(`${topic} partition ${partition} does not exist`);
          if (code !== ERROR_CODE.NONE) throw new BrokerReply(code, `${topic} partition ${partition}`);
        }
      }
    });
    return null;
  } catch (error) {
    return messageOf(error);
  }
}
