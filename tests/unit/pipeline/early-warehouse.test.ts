import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SluiceError } from '../../../src/core/errors.ts';
import { EarlyWarehouse } from '../../../src/pipeline/early-warehouse.ts';
import type { OpenOptions, OpenWarehouse, WarehouseGate } from '../../../src/pipeline/ports.ts';

const seen: string[] = [];
const run = new AbortController();
let early: EarlyWarehouse;
let openings: OpenOptions[];

/** Looked into for the first time, it does what `look` says. */
function warehouse(name: string, look = () => Promise.resolve(new Set<number>())): OpenWarehouse {
  const raw = {
    loadedBatches: () => {
      seen.push(`${name} looked into`);
      return look();
    },
  };
  return { name, raw, close: () => Promise.resolve(void seen.push(`${name} closed`)) } as unknown as OpenWarehouse;
}

/** A session whose guard is asked, and a gate that does what `first` says when it is opened for the first time. */
function make(first: WarehouseGate['open'], isSlowToOpen = true): EarlyWarehouse {
  const gate: WarehouseGate = {
    schema: 's',
    rawSchema: 'r',
    dialect: 'duckdb',
    keepReplacedHours: null,
    isSlowToOpen,
    fingerprint: () => Promise.resolve(null),
    open: (options = {}) => {
      openings.push(options);
      seen.push('open');
      return openings.length === 1 ? first(options) : Promise.resolve(warehouse('late'));
    },
  };
  const guard = () => Promise.resolve(void seen.push('guard'));
  return new EarlyWarehouse(
    { job: {} as never, warehouse: gate },
    { lease: {} as never, guard, signal: run.signal, release: () => Promise.resolve() },
  );
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
    expect(seen).toEqual(['guard', 'open', 'early looked into']);
    expect(await early.take({})).toMatchObject({ name: 'early' });
    await vi.advanceTimersByTimeAsync(60_000);
    await early.close();
    // Whoever took it closes it.
    expect(seen).toEqual(['guard', 'open', 'early looked into', 'guard']);
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
    expect(openings).toHaveLength(2);
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
      ({ signal } = {}) =>
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
    early = make(() => Promise.resolve(warehouse('only')), false);
    early.expect();
    await settle();
    expect(seen).toEqual([]);
    early = make(() => Promise.resolve(warehouse('only')));
    await early.take({});
    early.expect();
    await settle();
    expect(seen).toEqual(['guard', 'open']);
  });

  it('is closed when its first look is cut short, and opened anew only after that', async () => {
    early = make(({ signal } = {}) =>
      Promise.resolve(
        warehouse(
          'early',
          () =>
            new Promise((_, reject) => {
              signal?.addEventListener('abort', () => reject(new SluiceError('interrupted', 'looking')));
            }),
        ),
      ),
    );
    early.expect();
    await vi.advanceTimersByTimeAsync(1100);
    expect(await early.take({})).toMatchObject({ name: 'late' });
    expect(seen).toEqual(['guard', 'open', 'early looked into', 'early closed', 'guard', 'open']);
  });

  it('is opened anew only after it was let go of', async () => {
    let letGo: () => void = () => undefined;
    const closing = new Promise<void>((resolve) => (letGo = resolve));
    early = make(() => Promise.resolve({ ...warehouse('early'), close: () => closing }));
    early.expect();
    await vi.advanceTimersByTimeAsync(1100);
    const taken = early.take({});
    await settle();
    expect(openings).toHaveLength(1);
    letGo();
    expect(await taken).toMatchObject({ name: 'late' });
  });
});
