/** An object of landing on its way into a bucket, beside the vendor's client streaming the same bytes; and what a batch of 1 GB takes of memory. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from './bench.ts';
import { bundled } from './bundled.ts';
import { runNode, type ChildResult } from './child.ts';
import { megabytes, seconds } from './format.ts';
import { median, middleRun, pairs, timesBare } from './rounds.ts';
import { startUploadSink, type UploadSink } from './upload-sink.ts';
import { REPOSITORY, type Workspace } from './workspace.ts';

const LINE = `${JSON.stringify({ _topic: 'kundenservice-kunde-update', value: 'x'.repeat(424) })}\n`;
const MAX_PEAK_MB = 300;
const MEGABYTE = 1_000_000;

class Uploads {
  readonly #server: UploadSink;
  readonly #workspace: Workspace;
  #count = 0;

  constructor(server: UploadSink, workspace: Workspace) {
    this.#server = server;
    this.#workspace = workspace;
  }

  async run(script: string, megabytesOfIt: number): Promise<ChildResult> {
    const name = `batch-${++this.#count}.ndjson`;
    const lines = Math.round((megabytesOfIt * MEGABYTE) / Buffer.byteLength(LINE) / 1000) * 1000;
    const request = { endpoint: this.#server.endpoint, bucket: 'bench', name, line: LINE, lines };
    const file = this.#workspace.path('upload.json');
    writeFileSync(file, JSON.stringify(request));
    const run = await runNode([script, file], {
      cwd: REPOSITORY,
      env: { METADATA_SERVER_DETECTION: 'none' },
    });
    const { bytes } = JSON.parse(run.stdout) as { readonly bytes: number };
    const stored = this.#server.stored.get(name);
    if (stored !== bytes || bytes !== lines * Buffer.byteLength(LINE))
      throw new Error(`${script} wrote ${bytes} bytes, ${stored ?? 'none'} arrived`);
    return run;
  }
}

export const gcsUpload: Bench = {
  name: 'gcs-upload',
  about:
    'one landing object over the wire to a server that throws it away, beside the bare client streaming the same bytes',
  run: async (context) => {
    const size = context.quick ? 16 : 256;
    const large = context.quick ? 32 : 1000;
    const server = await startUploadSink();
    try {
      const uploads = new Uploads(server, context.workspace('gcs'));
      const writer = await bundled('gcs-writer-process.ts');
      const bare = join(REPOSITORY, 'bench', 'bare', 'gcs-upload.mjs');
      const runs = await pairs(
        context.rounds,
        () => uploads.run(writer, size),
        () => uploads.run(bare, size),
      );
      const ratio = 1 / timesBare<ChildResult>(runs, (run) => run.seconds);
      const shown = (run: ChildResult): string => `${seconds(run.seconds)} (${Math.round(size / run.seconds)} MB/s)`;
      const { peakMb } = await uploads.run(writer, large);
      return [
        {
          work: `upload of one object of ${megabytes(size)}, checksums and create-only included`,
          sluice: shown(middleRun(runs.ours, (run) => run.seconds)),
          bare: `bare client: ${shown(middleRun(runs.bare, (run) => run.seconds))}`,
          ratio,
          target: '≥ 0.7x of the client',
          met: ratio >= 0.7,
          numbers: {
            seconds: median(runs.ours.map((run) => run.seconds)),
            bareSeconds: median(runs.bare.map((run) => run.seconds)),
            cpuRatio: 1 / timesBare<ChildResult>(runs, (run) => run.cpuSeconds),
          },
        },
        {
          work: `its memory with ${megabytes(large)}`,
          sluice: megabytes(peakMb),
          bare: '',
          ratio: null,
          target: `≤ ${MAX_PEAK_MB} MB`,
          met: peakMb <= MAX_PEAK_MB,
          numbers: { peakMb },
        },
      ];
    } finally {
      await server.stop();
    }
  },
};
