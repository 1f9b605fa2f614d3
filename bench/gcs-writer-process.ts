/** Writes one object through the adapter as landing does, line blocks in and a manifest's facts out: the measured process of `gcs-upload`. */
import { readFileSync } from 'node:fs';
import { createGcsObjectStore } from '../src/adapters/gcs/object-store.ts';

interface Request {
  readonly endpoint: string;
  readonly bucket: string;
  readonly name: string;
  readonly line: string;
  /** A multiple of 1,000. */
  readonly lines: number;
}

const { endpoint, bucket, name, line, lines } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Request;
const store = createGcsObjectStore({ bucket, prefix: '', project: 'bench', apiEndpoint: endpoint });
const writer = await store.create(name);
const block = Buffer.from(line.repeat(1000));
for (let at = 0; at < lines; at += 1000) await writer.write(block);
const { bytes } = await writer.commit();
await store.close();
process.stdout.write(`${JSON.stringify({ bytes })}\n`);
