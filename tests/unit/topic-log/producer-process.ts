/** Run as a process of its own: `producer-process.ts <root> <topic> <name> <appends> <records per append>`. */
import { TopicLog } from '../../../src/adapters/topic-log/topic-log.ts';

const [root = '', topic = '', name = '', appends = '0', records = '0'] = process.argv.slice(2);
const log = new TopicLog(root, { segmentBytes: 200_000 });
for (let i = 0; i < Number(appends); i += 1) {
  await log.append(
    topic,
    Array.from({ length: Number(records) }, (_, n) => ({ key: null, value: `${name}:${i}:${n}:${'x'.repeat(300)}` })),
  );
  process.stdout.write(`${i}\n`);
}
