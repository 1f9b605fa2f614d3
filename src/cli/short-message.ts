/** What a terminal gets of a database's message: some repeat the whole statement, and the reason stands behind it. */
export const SHORT_LINES = 20;
const SHORT_LINE_CHARACTERS = 400;
/** Around the line that the database points to. */
const AROUND = 6;
const FIRST_LINES = 4;

export interface ShortMessage {
  readonly text: string;
  readonly isWhole: boolean;
}

export function shortMessage(message: string): ShortMessage {
  const lines = message.split('\n');
  const clipped = lines.map(clip);
  const text = (lines.length <= SHORT_LINES ? clipped : around(clipped, placeIn(lines))).join('\n');
  return { text, isWhole: text === message };
}

/** Both ends: what failed, and why. */
function clip(line: string): string {
  if (line.length <= SHORT_LINE_CHARACTERS) return line;
  const half = SHORT_LINE_CHARACTERS / 2;
  return `${line.slice(0, half).trimEnd()} … ${line.slice(-half).trimStart()}`;
}

/** The caret under the mistake, or `LINE 12:` before it. */
function placeIn(lines: readonly string[]): number | undefined {
  const caret = lines.findIndex((line) => /^\s*\^~*\s*$/.test(line));
  const place = caret >= 0 ? caret : lines.findIndex((line) => /^LINE \d+:/.test(line));
  return place < 0 ? undefined : place;
}

function around(lines: readonly string[], place: number | undefined): readonly string[] {
  const first = place === undefined ? SHORT_LINES / 2 : FIRST_LINES;
  const kept = new Set(Array.from({ length: first }, (_, at) => at));
  if (place === undefined) for (let at = 1; at < SHORT_LINES / 2; at++) kept.add(lines.length - at);
  else for (let at = place - AROUND; at <= place + AROUND; at++) if (lines[at] !== undefined) kept.add(at);
  const short: string[] = [];
  let left = 0;
  for (const [at, line] of lines.entries()) {
    if (!kept.has(at)) {
      left++;
      continue;
    }
    if (left > 0) short.push(leftOut(left));
    left = 0;
    short.push(line);
  }
  return left > 0 ? [...short, leftOut(left)] : short;
}

function leftOut(count: number): string {
  return `… ${count} ${count === 1 ? 'line' : 'lines'} left out …`;
}
