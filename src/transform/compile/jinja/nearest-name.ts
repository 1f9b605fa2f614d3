/** "Did you mean": the known name that needs the fewest edits, if it is near enough to be a slip of the keyboard. */

function editDistance(a: string, b: string, atMost: number): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  let beforePrevious: number[] = [];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let best = i;
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let distance = Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + cost);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) distance = Math.min(distance, (beforePrevious[j - 2] ?? 0) + 1);
      row.push(distance);
      best = Math.min(best, distance);
    }
    if (best > atMost) return atMost + 1;
    beforePrevious = previous;
    previous = row;
  }
  return previous[b.length] ?? atMost + 1;
}

export function nearestName(name: string, known: Iterable<string>): string | undefined {
  const wanted = name.toLowerCase();
  // A third of the letters: more would suggest names that have nothing to do with it. Shorter names differ in case only.
  let atMost = Math.floor(name.length / 3);
  let nearest: string | undefined;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) > atMost) continue;
    const distance = editDistance(wanted, candidate.toLowerCase(), atMost);
    if (distance > atMost || (nearest !== undefined && distance === atMost)) continue;
    atMost = distance;
    nearest = candidate;
  }
  return nearest;
}

export function didYouMean(name: string, known: Iterable<string>): string | undefined {
  const nearest = nearestName(name, known);
  return nearest === undefined ? undefined : `Did you mean '${nearest}'?`;
}
