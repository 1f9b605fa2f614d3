/** The end of landing a batch: its records judged as a whole, then its manifest, which is what makes it count. */
import type { Manifest } from '../core/batch.ts';
import { SluiceError } from '../core/errors.ts';
import { writeIntent, writeManifest } from '../ingest/manifest-store.ts';
import type { BatchRecord } from '../state/ports.ts';
import type { RunContext } from './run-context.ts';

/** Seals: the manifest in landing first (behind the intents of open batches, see recover.ts), then the state store. */
export async function seal(context: RunContext, batch: BatchRecord, manifest: Manifest): Promise<BatchRecord> {
  const { state, store, observer } = context.ports;
  const { lease, guard } = context.session;
  await guard();
  for (const open of await state.batches(batch.job, { states: ['planned'] })) {
    if (open.seq < batch.seq) await writeIntent(store, batch.job, open, guard);
  }
  await writeManifest(store, manifest, guard);
  await state.sealBatch(lease, manifest);
  const sealed: BatchRecord = { ...batch, state: manifest.void === true ? 'void' : 'landed', manifest };
  context.noteBatch(sealed);
  const { read, landed, quarantined } = manifest.counts;
  observer.note(
    `landed ${manifest.batchId} (${manifest.kind}): ${read} read, ${landed} landed, ${quarantined} quarantined`,
  );
  for (const field of manifest.drift)
    context.warn(
      `schema drift: unknown field ${field.path} in ${field.records} record(s) of ${manifest.batchId}; kept in raw`,
    );
  return sealed;
}

/** Throws `quarantine_ratio`. */
export function checkQuarantine(context: RunContext, manifest: Manifest): void {
  const { job } = context.ports;
  const { read, quarantined } = manifest.counts;
  const { maxQuarantineRatio, minQuarantineRecords } = job.limits;
  if (context.request.accept.quarantine || read < minQuarantineRecords || quarantined <= read * maxQuarantineRatio)
    return;
  throw new SluiceError(
    'quarantine_ratio',
    `job ${job.name}, batch ${manifest.batchId}: ${quarantined} of ${read} records are bad, allowed are ${Math.round(maxQuarantineRatio * 100)} %; the batch is not sealed and nothing of it is loaded`,
    {
      hint: `Mend the schema in the job and run again (the records are judged anew), or let them become dead letters: sluice job run ${job.name} --accept-quarantine`,
    },
  );
}
