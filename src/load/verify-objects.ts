/** Compares landing objects with the checksums of their manifest: a flipped bit or a missing file is found before anything is published. */
import { crc32 } from 'node:zlib';
import type { ManifestObject } from '../core/batch.ts';
import { SluiceError } from '../core/errors.ts';

/** The slice of the object store that verification reads. */
export interface ObjectReader {
  read(name: string): AsyncIterable<Uint8Array>;
}

async function verifyObject(store: ObjectReader, object: ManifestObject): Promise<void> {
  let checksum = 0;
  let bytes = 0;
  for await (const chunk of store.read(object.name)) {
    checksum = crc32(chunk, checksum);
    bytes += chunk.length;
  }
  const found = `crc32:${checksum.toString(16).padStart(8, '0')}`;
  if (bytes !== object.bytes || found !== object.checksum) {
    throw new SluiceError(
      'object_corrupt',
      `landing object ${object.name} is damaged: it has ${bytes} bytes with ${found}, its manifest says ${object.bytes} bytes with ${object.checksum}`,
      {
        hint: 'Restore the object from a copy of the landing store, then run the same command again; nothing was published.',
        details: { object: object.name },
      },
    );
  }
}

/** Reads two at a time: the disk is busy with one while the other is summed. Throws `object_corrupt` or `object_missing`. */
export async function verifyObjects(store: ObjectReader, objects: readonly ManifestObject[]): Promise<void> {
  let next = 0;
  async function worker(): Promise<void> {
    for (;;) {
      const object = objects[next++];
      if (object === undefined) return;
      await verifyObject(store, object);
    }
  }
  await Promise.all([worker(), worker()]);
}
