/** The decoder and the oracle judge the records and REST rows of random histories alike: same verdicts, fitting codes. */
import { describe, expect, it } from 'vitest';
import customer from '../../../jobs/customer.ts';
import order from '../../../jobs/order.ts';
import { createRecordDecoder, createRowDecoder } from '../../../src/ingest/decode.ts';
import type { Verdict as ProductVerdict } from '../../../src/ingest/verdict.ts';
import { instant, instantText } from '../../oracle/time.ts';
import { judgeRecord, judgeRestRow } from '../../oracle/verdict.ts';
import type { Verdict } from '../../oracle/verdict.ts';
import { recordsByRun, snapshotOf } from '../../support/history-truth.ts';
import { PROFILES } from '../../support/history-values.ts';
import { checkHistories } from '../../support/histories.ts';
import { fittingCodes } from '../../support/reason-codes.ts';

const JOBS = { customer, order } as const;
const bytes = (base64: string | null): Buffer | null => (base64 === null ? null : Buffer.from(base64, 'base64'));

function compare(product: ProductVerdict, oracle: Verdict, input: string): void {
  if (!oracle.good) {
    const codes = fittingCodes(oracle.reasons);
    expect(product.ok ? 'let through' : product.code, `${oracle.reasons.join(', ')}: ${input}`).toSatisfy(
      (code: string) => codes.includes(code),
    );
    return;
  }
  if (!product.ok) throw new Error(`${product.code} (${product.reason}), but it is fine: ${input}`);
  const at = product.eventAt === null ? null : instantText(instant(product.eventAt.text));
  const wanted = oracle.eventAt === null ? null : instantText(oracle.eventAt);
  expect([product.key, product.op, at], input).toEqual([oracle.key, oracle.op, wanted]);
}

describe.each(['customer', 'order'] as const)('the decoder of %s', (entity) => {
  const { job } = PROFILES[entity];
  it('judges as the oracle does', { timeout: 300_000 }, async () => {
    const decode = await createRecordDecoder(JOBS[entity], () => undefined);
    const decodeRow = await createRowDecoder(JOBS[entity], () => undefined);
    return checkHistories(entity, 150, (history) => {
      for (const record of recordsByRun(history).flat()) {
        const topic = JOBS[entity].topics.find(({ name }) => name === record.topic);
        if (topic === undefined) throw new Error(`the job lacks topic ${record.topic}`);
        const { timestampMs } = record;
        const source = { offset: 0n, timestampMs, key: bytes(record.key), value: bytes(record.value) };
        const input = `${source.key?.toString()} ${source.value?.toString()}`;
        compare(decode(source, topic), judgeRecord(record, job), input);
      }
      for (const run of history.runs) {
        const { finishedAt, pages } = snapshotOf(run, 's');
        for (const item of pages.flatMap(({ items }) => items)) {
          compare(decodeRow(item, Date.parse(finishedAt)), judgeRestRow(item, job, instant(finishedAt)), item);
        }
      }
    });
  });
});
