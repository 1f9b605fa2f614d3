// The bare limit of an upload: one write stream of the vendor's client, nothing looked at. Prints {"bytes":n}.
import { readFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { Storage } from '@google-cloud/storage';

const { endpoint, bucket, name, line, lines } = JSON.parse(readFileSync(process.argv[2], 'utf8'));

async function* blocks() {
  const block = Buffer.from(line.repeat(1000));
  for (let at = 0; at < lines; at += 1000) yield block;
}

const file = new Storage({ projectId: 'bench', apiEndpoint: endpoint }).bucket(bucket).file(name);
await pipeline(blocks, file.createWriteStream({ validation: false }));
console.log(JSON.stringify({ bytes: lines * Buffer.byteLength(line) }));
