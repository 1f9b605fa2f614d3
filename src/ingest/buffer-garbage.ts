/**
 * Buffers of the records that were read lie outside of V8's heap, and V8, whose own heap hardly grows while plain records are landed, is in no hurry to
 * find out which of them are garbage: a backlog of 3 million events took 530 MB of memory on a busy machine. So landing says when to look.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Of keys and values; sources take two to three times that for them. With a heap this small a collection takes a few milliseconds. */
const COLLECT_EVERY_BYTES = 16 * 1024 * 1024;

type Collect = (options: { readonly type: 'major'; readonly execution: 'sync' }) => void;

let collect: Collect | undefined;

function collector(): Collect {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as Collect;
  }
  return collect;
}

export class BufferGarbage {
  #bytes = 0;

  /** Of records that nobody needs any more. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < COLLECT_EVERY_BYTES) return;
    this.#bytes = 0;
    collector()({ type: 'major', execution: 'sync' });
  }
}
