import { describe, expect, it } from 'vitest';
import { CustomerDirectory } from '../../../src/demo/customer-directory.ts';
import { CUSTOMER_TOPICS, tombstone } from '../../../src/demo/change-events.ts';
import { customerJson, generateCustomer, generateCustomers, type Customer } from '../../../src/demo/customers.ts';
import { customerServiceForTest, customersOf, directoryOf } from '../../support/customer-service.ts';

const ANNA: Customer = {
  id: 'K-000123',
  updated_at: '2026-03-01T10:15:30.123Z',
  status: 'active',
  first_name: 'Anna',
  last_name: 'Schäfer',
  birth_date: '1980-02-29',
  email: 'anna@example.com',
  phone: null,
  street: 'Wendenstraße 12',
  postal_code: '20097',
  city: 'Hamburg',
  country: 'DE',
  segment: 'retail',
  advisor_id: 'B-17',
  newsletter: true,
  credit_limit: '12345.67',
  external_ref: 9007199254740993n,
  attributes: { source: 'web', tags: ['a', 'b'] },
};

interface Page {
  items: { id: string }[];
  next_cursor: string | null;
  total: number;
}

async function page(url: string, query = ''): Promise<Page> {
  const response = await fetch(`${url}/customers?limit=4${query}`);
  return (await response.json()) as Page;
}

async function allIds(url: string): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor = ''; ;) {
    const { items, next_cursor: next } = await page(url, cursor);
    ids.push(...items.map((item) => item.id));
    if (next === null) return ids;
    cursor = `&cursor=${next}`;
  }
}

describe('the simulated customer service', () => {
  it('writes a customer exactly as the specification shows it', () => {
    expect(customerJson(ANNA)).toBe(
      '{"id":"K-000123","updated_at":"2026-03-01T10:15:30.123Z","status":"active","first_name":"Anna","last_name":"Schäfer","birth_date":"1980-02-29","email":"anna@example.com","phone":null,' +
        '"street":"Wendenstraße 12","postal_code":"20097","city":"Hamburg","country":"DE","segment":"retail","advisor_id":"B-17","newsletter":true,"credit_limit":12345.67,"external_ref":9007199254740993,' +
        '"attributes":{"source":"web","tags":["a","b"]}}',
    );
  });

  it('generates the same customers from the same seed, in any order', () => {
    const options = { seed: 7, before: '2026-03-01T00:00:00Z' };
    const all = [...generateCustomers(200, options)];
    expect(all[149]).toEqual(generateCustomer(150, options));
    expect(all).not.toEqual([...generateCustomers(200, { ...options, seed: 8 })]);
    expect(
      new Set(all.map((customer) => `${customer.first_name} ${customer.last_name} ${customer.street}`)).size,
    ).toBeGreaterThan(190);
    for (const customer of all) {
      expect(customer.email).toMatch(/^[a-z]+\.[a-z]+\d+@example\.com$/);
      expect(customer.credit_limit).toMatch(/^\d+\.\d\d$/);
      expect(customer.updated_at < options.before).toBe(true);
    }
  });

  it('lists every customer once, page by page, with the total', async () => {
    const { url } = await customerServiceForTest({ directory: directoryOf(10) });
    expect((await page(url)).total).toBe(10);
    expect(await allIds(url)).toEqual(customersOf(10).map((customer) => customer.id));
    const empty = await customerServiceForTest({ directory: new CustomerDirectory() });
    expect(await page(empty.url)).toEqual({ items: [], next_cursor: null, total: 0 });
  });

  it('ends at the last page, full or not', async () => {
    const { url, requests } = await customerServiceForTest({ directory: directoryOf(8) });
    expect((await allIds(url)).length).toBe(8);
    expect(requests.length).toBe(2);
  });

  it('asks for its token and refuses wrong requests', async () => {
    const { url } = await customerServiceForTest({ directory: directoryOf(1), token: 'secret' });
    const status = async (path: string, headers: Record<string, string> = { authorization: 'Bearer secret' }) =>
      (await fetch(url + path, { headers })).status;
    expect(await status('/customers')).toBe(200);
    expect(await status('/customers', {})).toBe(401);
    expect(await status('/customers', { authorization: 'Bearer other' })).toBe(401);
    expect(await status('/other')).toBe(404);
    expect(await status('/customers?limit=0')).toBe(400);
    expect(await status('/customers?limit=5000')).toBe(400);
    expect(await status('/customers?cursor=%21')).toBe(400);
  });

  it('gives the event of each change and lists the new state', async () => {
    const directory = new CustomerDirectory();
    directory.hiddenFields.add('segment');
    const created = directory.create(ANNA);
    const moved = directory.update(ANNA.id, '2026-03-02T08:00:00Z', { street: 'Heidenkampsweg 58' });
    const gone = directory.deactivate(ANNA.id, '2026-03-03T08:00:00Z');
    expect([created, moved, gone].map(({ topic, key, timestampMs }) => [topic, key, timestampMs])).toEqual([
      [CUSTOMER_TOPICS.create, 'K-000123', Date.parse(ANNA.updated_at) + 40],
      [CUSTOMER_TOPICS.update, 'K-000123', Date.parse('2026-03-02T08:00:00.040Z')],
      [CUSTOMER_TOPICS.delete, 'K-000123', Date.parse('2026-03-03T08:00:00.040Z')],
    ]);
    expect(created.value).toBe(customerJson(ANNA, new Set(['segment'])));
    expect(gone.value).toContain('"status":"deactivated"');
    expect(gone.value).toContain('Heidenkampsweg 58');
    expect(tombstone(ANNA.id, 5)).toEqual({ topic: CUSTOMER_TOPICS.delete, key: ANNA.id, value: null, timestampMs: 5 });
    expect(directory.page(null, 10).rows).toEqual([gone.value]);
    directory.hiddenFields.clear();
    expect(directory.page(null, 10).rows[0]).toContain('"segment":"retail"');
  });

  it('plays the faults that it is asked for', async () => {
    const faults = [{ drift: 1 }, { drift: -1 }, { total: 99 }, { sameCursor: true as const }, { status: 503 }];
    const { url } = await customerServiceForTest({
      directory: directoryOf(9),
      onRequest: ({ number }) => faults[number - 1],
    });
    expect((await page(url)).items[0]?.id).toBe('K-000002');
    const second = await page(url, `&cursor=${Buffer.from('K-000005').toString('base64url')}`);
    expect(second.items[0]?.id).toBe('K-000005');
    expect((await page(url)).total).toBe(99);
    expect((await page(url, `&cursor=${Buffer.from('K-000005').toString('base64url')}`)).next_cursor).toBe(
      'Sy0wMDAwMDU',
    );
    expect((await fetch(`${url}/customers`)).status).toBe(503);
  });

  it('breaks bodies and connections', async () => {
    const faults = ['reset', 'half', 'truncated', 'empty'] as const;
    const { url } = await customerServiceForTest({
      directory: directoryOf(9),
      onRequest: ({ number }) => {
        const cut = faults[number - 1];
        return cut === undefined ? { html: true } : { cut };
      },
    });
    const text = async () => (await fetch(`${url}/customers`)).text();
    await expect(text()).rejects.toThrow();
    await expect(text()).rejects.toThrow();
    expect(await text()).toMatch(/^\{"items":\[/);
    expect(await text()).toBe('');
    expect(await text()).toMatch(/^<!doctype html>/);
  });
});
