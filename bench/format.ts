/** Numbers as the table shows them. */

export function count(number: number): string {
  if (number >= 1_000_000) return `${(number / 1_000_000).toFixed(1).replace(/\.0$/, '')} M`;
  return Math.round(number)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',');
}

export function seconds(number: number): string {
  return number < 0.1 ? `${(number * 1000).toFixed(number < 0.01 ? 1 : 0)} ms` : `${number.toFixed(2)} s`;
}

export function megabytes(number: number): string {
  return `${Math.round(number)} MB`;
}

export function times(number: number): string {
  return `${number.toFixed(2)}x`;
}

/** `2.10 s (476 k/s)`. */
export function timing(run: { readonly seconds: number }, units: number): string {
  return `${seconds(run.seconds)} (${Math.round(units / run.seconds / 1000)} k/s)`;
}
