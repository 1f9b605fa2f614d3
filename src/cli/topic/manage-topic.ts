/** `sluice topic create|alter|delete|trim`. */
import type { CommandResult } from '../context.ts';
import type { Output } from '../output.ts';
import type { TopicAdmin } from './topic-admin.ts';

export async function createTopic(
  admin: TopicAdmin,
  options: { readonly topic: string; readonly partitions: number },
  output: Output,
): Promise<CommandResult> {
  const { topic, partitions } = options;
  await admin.create(topic, partitions);
  output.result(`created ${topic} with ${partitions} partition${partitions === 1 ? '' : 's'}`);
  return { exitCode: 0, json: { topic, partitions } };
}

/** Grows a topic. */
export async function alterTopic(
  admin: TopicAdmin,
  options: { readonly topic: string; readonly partitions: number },
  output: Output,
): Promise<CommandResult> {
  const { topic, partitions } = options;
  await admin.addPartitions(topic, partitions);
  output.result(`${topic} has ${partitions} partition${partitions === 1 ? '' : 's'} now`);
  return { exitCode: 0, json: { topic, partitions } };
}

export async function deleteTopic(
  admin: TopicAdmin,
  options: { readonly topic: string },
  output: Output,
): Promise<CommandResult> {
  await admin.delete(options.topic);
  output.result(`deleted ${options.topic}`);
  return { exitCode: 0, json: { topic: options.topic } };
}

export async function trimTopic(
  admin: TopicAdmin,
  options: { readonly topic: string; readonly partition: number; readonly beforeOffset: bigint },
  output: Output,
): Promise<CommandResult> {
  const { topic, partition, beforeOffset } = options;
  const start = await admin.trim(topic, partition, beforeOffset);
  output.result(`${topic} partition ${partition} starts at offset ${start} now`);
  return { exitCode: 0, json: { topic, partition, start } };
}
