/** A REST listing that would delete too much, that is not complete, or that fails while the stream goes on, by the command line. */
import { describe, expect, it } from 'vitest';
import type { ServiceFault } from '../../src/demo/customer-service.ts';
import { customerId } from '../../src/demo/customers.ts';
import { CliProject } from '../support/cli.ts';

const ids = (rows: readonly string[]): string[] => rows.map((row) => row.split(' | ')[0] ?? '');

interface Status {
  readonly refusedSnapshots: readonly string[];
}

describe('a listing that would delete too much', () => {
  /** 20 customers, of whom the second listing lacks 11; the guard has refused it. */
  async function refused(): Promise<CliProject> {
    const project = await CliProject.create({ customers: 20 });
    expect(await project.hour('2026-03-02T06:00:00Z', '--full-load')).toMatchObject({ exitCode: 0 });
    for (let number = 1; number <= 11; number++) project.directory.remove(customerId(number));
    const report = await project.hour('2026-03-03T06:00:00Z', '--full-load');
    expect(report).toMatchObject({ exitCode: 1, errors: [{ code: 'delete_guard' }] });
    expect(report.errors[0]?.message).toContain('would turn 11 of 20');
    expect(report.errors[0]?.hint).toContain('sluice job run customer --accept-deletes');
    return project;
  }
  const gone = (project: CliProject): Promise<string[]> =>
    project.rows('current_customer', 'customer_id', '_is_deleted');

  it('is kept out as a whole, and later runs go on without it', async () => {
    await using project = await refused();
    expect(await project.rows('analytics_raw.raw_customer_snapshot_load', '_rows')).toEqual(['20']);
    expect((await gone(project)).filter((row) => row.endsWith('true'))).toEqual([]);
    expect((await project.json<Status>('job', 'status', 'customer')).refusedSnapshots).toHaveLength(1);
    await project.produce([project.directory.update(customerId(12), '2026-03-03T06:30:00Z', { street: 'Neu 1' })]);
    expect(await project.hour('2026-03-03T07:00:00Z')).toMatchObject({ exitCode: 0, errors: [] });
    expect(await project.rows('current_customer', 'customer_id', 'street')).toContain(`${customerId(12)} | Neu 1`);
    expect((await gone(project)).filter((row) => row.endsWith('true'))).toEqual([]);
  });

  it('is let in by --accept-deletes without another download, and stays in by a full refresh', async () => {
    await using project = await refused();
    const requests = project.service.requests.length;
    expect(await project.hour('2026-03-03T07:00:00Z', '--accept-deletes')).toMatchObject({ exitCode: 0, errors: [] });
    expect(project.service.requests).toHaveLength(requests);
    const after = await gone(project);
    expect(ids(after.filter((row) => row.endsWith('true')))).toEqual(
      Array.from({ length: 11 }, (_, index) => customerId(index + 1)),
    );
    const published = await project.published();
    expect(await project.hour('2026-03-03T08:00:00Z', '--full-refresh')).toMatchObject({ exitCode: 0, errors: [] });
    expect(await project.published()).toEqual(published);
  });
});

describe('a listing that is not complete', () => {
  it('counts with its rows and not with its absences, and the run says so', async () => {
    await using project = await CliProject.create({ customers: 3 });
    expect(await project.hour('2026-03-02T06:00:00Z', '--full-load')).toMatchObject({ exitCode: 0 });
    project.directory.remove(customerId(1));
    project.directory.put({ ...project.directory.get(customerId(2)), street: 'Neu 2' });
    project.fault = { total: 99 };
    const report = await project.hour('2026-03-03T06:00:00Z', '--full-load');
    expect(report).toMatchObject({ exitCode: 0, errors: [] });
    expect(report.warnings.join('\n')).toMatch(/is not complete .*99/);
    expect(
      await project.rows('analytics_raw.raw_customer_snapshot_load', '_rows', '_total', '_snapshot_complete'),
    ).toEqual(['2 | 99 | false', '3 | 3 | true']);
    expect(await project.rows('current_customer', '_is_deleted')).toEqual(['false', 'false', 'false']);
    expect(await project.rows('current_customer', 'customer_id', 'street')).toContain(`${customerId(2)} | Neu 2`);
  });
});

describe('a download that fails', () => {
  const faults: readonly (readonly [string, ServiceFault, string])[] = [
    ['401', { status: 401 }, 'rest_unauthorized'],
    ['404', { status: 404 }, 'rest_failed'],
    ['500', { status: 500 }, 'rest_failed'],
    ['text/html', { html: true }, 'rest_failed'],
  ];

  it.each(faults)(
    'with %s does not keep the stream from landing, and is healed by the next one',
    async (told, fault, code) => {
      await using project = await CliProject.create({ customers: 2 });
      await project.produce([project.directory.update(customerId(1), '2026-03-02T05:30:00Z', { street: 'Neu 1' })]);
      project.fault = fault;
      const report = await project.hour('2026-03-02T06:00:00Z', '--full-load');
      expect(report).toMatchObject({ exitCode: 1, errors: [{ code }] });
      expect(report.errors[0]?.message).toContain(told);
      expect(report.errors[0]?.message).toContain(project.service.url);
      expect(await project.rows('current_customer', 'customer_id', 'street')).toEqual([`${customerId(1)} | Neu 1`]);
      project.fault = undefined;
      expect(await project.hour('2026-03-02T07:00:00Z', '--full-load')).toMatchObject({ exitCode: 0, errors: [] });
      expect(ids(await project.rows('current_customer', 'customer_id'))).toEqual([customerId(1), customerId(2)]);
    },
  );
});
