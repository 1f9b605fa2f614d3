import { SluiceError } from '../../core/errors.ts';

/** Kafka's rule (org.apache.kafka.common.internals.Topic). It leaves no separator, no `..` and nothing that a shell or path reads. */
const LEGAL_TOPIC = /^[a-zA-Z0-9._-]{1,249}$/;

export function isTopicName(name: string): boolean {
  return LEGAL_TOPIC.test(name) && name !== '.' && name !== '..';
}

export function assertTopicName(name: string): void {
  if (isTopicName(name)) return;
  throw new SluiceError('usage', `${JSON.stringify(name.slice(0, 260))} is not a topic name`, {
    hint: 'Use 1 to 249 of the characters a-z, A-Z, 0-9, ".", "_" and "-"; "." and ".." alone are not names.',
  });
}
