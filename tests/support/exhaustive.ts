/**
 * SLUICE_KILL_ALL=1: every effect fails in every way, instead of a sample of them. SLUICE_KILL_ALL=2/5: the second fifth of all these cases, each fifth one from
 * the second on, so that several machines or evenings can share what takes hours on the services of production.
 */
const setting = process.env['SLUICE_KILL_ALL'] ?? '';
const match = /^(\d+)(?:\/(\d+))?$/.exec(setting);
const part = Number(match?.[1] ?? 0);
const parts = Number(match?.[2] ?? 1);
if (setting !== '' && (part < 1 || part > parts))
  throw new RangeError(`SLUICE_KILL_ALL is "${setting}", expected 1, or a part such as 2/5`);

export const isExhaustive = part > 0;

/** Of all cases those of this part; of a sample all. */
export function ourPart<T>(cases: readonly T[]): readonly T[] {
  return isExhaustive ? cases.filter((_, index) => index % parts === part - 1) : cases;
}
