import { expect, it } from 'vitest';
import { BufferGarbage } from '../../../src/ingest/buffer-garbage.ts';

it('frees the buffers of what was read, however little else the heap does', () => {
  const garbage = new BufferGarbage();
  const held: Buffer[] = [];
  let most = 0;
  for (let megabytes = 0; megabytes < 600; megabytes++) {
    // Held for a while, as by several ranges in turn: V8 then takes them for long-lived.
    held.push(Buffer.alloc(1 << 20, 1));
    if (held.length > 8) held.shift();
    garbage.add(1 << 20);
    most = Math.max(most, process.memoryUsage().arrayBuffers);
  }
  expect(most).toBeLessThan(80 << 20);
});
