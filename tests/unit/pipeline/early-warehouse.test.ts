import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SluiceError } from '../../../src/core/errors.ts';
import { EarlyWarehouse } from '../../../src/pipeline/early-warehouse.ts';
import type { OpenOptions, OpenWarehouse, WarehouseGate } from '../../../src/pipeline/ports.ts';

const seen: string[] = [];
const run = new AbortController();
let early: EarlyWarehouse;
let openings: OpenOptions[];

function warehouse(name: string): OpenWarehouse {
  return { name, close: () => Promise.resolve(void seen.push(`${name} closed`)) } as unknown as OpenWarehouse;
}

/** A session whose guard is asked, and a gate whose early opening does what `openEarly` says. */
function make(openEarly: WarehouseGate['openEarly']): EarlyWarehouse {
  const gate: WarehouseGate = {
    schema: 's',
    rawSchema: 'r',
    dialect: 'duckdb',
    keepReplacedHours: null,
    fingerprint: () => Promise.resolve(null),
    open: (options = {}) => {
      openings.push(options);
      seen.push('open');
      return Promise.resolve(warehouse('late'));
    },
    ...(openEarly === undefined
      ? {}
      : {
          openEarly: (options) => {
            openings.push(options);
            seen.push('open early');
            return openEarly(options);
          },
        }),
  };
  const guard = () => Promise.resolve(void seen.push('guard'));
  return new EarlyWarehouse(gate, {
    lease: {} as never,
    guard,
    signal: run.signal,
    release: () => Promise.resolve(),
  });
}

beforeEach(() => {
  vi.useFakeTimers();
  seen.length = 0;
  openings = [];
});
afterEach(() => vi.useRealTimers());

const settle = () => vi.advanceTimersByTimeAsync(0);

describe('a warehouse that is opened a moment early', () => {
  it('is opened once, under the guard, and handed over', async () => {
    early = make(() => Promise.resolve(warehouse('early')));
    expect(seen).toEqual([]);
    early.expect();
    early.expect();
    await settle();
    expect(seen).toEqual(['guard', 'open early']);
    expect(await early.take({})).toMatchObject({ name: 'early' });
    await vi.advanceTimersByTimeAsync(60_000);
    await early.close();
    // Whoever took it closes it.
    expect(seen).toEqual(['guard', 'open early', 'guard']);
    expect(openings[0]?.signal?.aborted).toBe(false);
  });

  it('is let go of after a second that nobody took it in, and then opened as ever', async () => {
    early = make(() => Promise.resolve(warehouse('early')));
    early.expect();
    await vi.advanceTimersByTimeAsync(900);
    expect(seen).not.toContain('early closed');
    await vi.advanceTimersByTimeAsync(200);
    expect(seen).toContain('early closed');
    early.expect();
    expect(await early.take({ replaceDamaged: false })).toMatchObject({ name: 'late' });
    expect(openings.at(-1)).toMatchObject({ replaceDamaged: false });
    expect(seen.filter((what) => what === 'open early')).toHaveLength(1);
  });

  it('is closed when the run ends without it', async () => {
    early = make(() => Promise.resolve(warehouse('early')));
    await early.close();
    early.expect();
    await early.close();
    expect(seen.at(-1)).toBe('early closed');
  });

  it('no longer waits for another process when the run ends without it', async () => {
    early = make(
      ({ signal }) =>
        new Promise((_, reject) => {
          signal?.addEventListener('abort', () => reject(new SluiceError('interrupted', 'waiting')));
        }),
    );
    early.expect();
    await settle();
    await early.close();
    expect(openings[0]?.signal?.aborted).toBe(true);
    expect(run.signal.aborted).toBe(false);
  });

  it('shows its failure to whoever takes it', async () => {
    early = make(() => Promise.reject(new SluiceError('warehouse_locked', 'held by PID 7')));
    early.expect();
    await settle();
    await expect(early.take({})).rejects.toMatchObject({ code: 'warehouse_locked' });
  });

  it('is not opened early where that costs nothing, nor once it was taken', async () => {
    early = make(undefined);
    early.expect();
    await settle();
    expect(seen).toEqual([]);
    early = make(() => Promise.resolve(warehouse('early')));
    await early.take({});
    early.expect();
    await settle();
    expect(seen).toEqual(['guard', 'open']);
  });
});
