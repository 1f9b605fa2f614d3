/** MD5 on a thread of its own: it is the slowest thing that an upload does (0.8 GB/s), and so it is done while the bytes are on their way. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { SluiceError } from '../../core/errors.ts';

/** Text, so that one module holds it wherever the bundle puts it. One answer for each message but the last. */
const THREAD = `
const { parentPort } = require('node:worker_threads');
const hash = require('node:crypto').createHash('md5');
parentPort.on('message', (bytes) => {
  if (bytes === 'end') return parentPort.close();
  if (bytes === 'digest') return parentPort.postMessage(hash.digest('base64'));
  hash.update(bytes);
  parentPort.postMessage('');
});`;

export class Md5Thread {
  readonly #worker = new Worker(THREAD, { eval: true, execArgv: [], env: {} });
  /** In the order of the questions, which is the order of the answers. */
  readonly #waiting: PromiseWithResolvers<string>[] = [];

  #isOver = false;

  constructor() {
    // It keeps the process alive only while an answer is awaited.
    this.#worker.unref();
    this.#worker.on('message', (answer: string) => {
      this.#waiting.shift()?.resolve(answer);
      if (this.#waiting.length === 0) this.#worker.unref();
    });
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () => {
      this.#isOver = true;
      this.#fail(new Error('it ended'));
    });
  }

  /** Shared memory, read until this resolves. Calls are done in their order. */
  update(bytes: Uint8Array<SharedArrayBuffer>): Promise<unknown> {
    return this.#ask(bytes);
  }

  /** In base64, as the service says it; nothing more can be added then. */
  digest(): Promise<string> {
    return this.#ask('digest');
  }

  /** It ends by itself, at once but for what it was given: ended from outside in the middle of a sum, it may take the process along. */
  async close(): Promise<void> {
    if (this.#isOver) return;
    const ended = once(this.#worker, 'exit');
    this.#worker.ref();
    this.#post('end');
    await ended;
  }

  #ask(message: Uint8Array | 'digest'): Promise<string> {
    const answer = Promise.withResolvers<string>();
    // Whoever does not wait for a part waits for the next one, or for the digest.
    answer.promise.catch(() => undefined);
    this.#waiting.push(answer);
    this.#worker.ref();
    this.#post(message);
    return answer.promise;
  }

  #post(message: Uint8Array | 'digest' | 'end'): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.#worker.postMessage(message);
  }

  #fail(cause: unknown): void {
    const error = new SluiceError('internal', 'The thread for checksums failed.', { cause });
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
