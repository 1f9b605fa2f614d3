/**
 * One line of `topic produce` as a record (CUSTOMER.md §4). The rule behind every member: text in quotes is taken as its characters,
 * anything else as the exact text that stands in the line, so that 12.50, 9007199254740993, the order of members and duplicate
 * names reach the topic as they were written.
 */
import { memberSlices } from '../../core/json-slices.ts';
import type { NewRecord } from '../../core/record.ts';
import { parseInstant } from '../../core/time.ts';

/** What is wrong with a line; the caller adds file and line number. */
export class LineError extends Error {}

const MEMBERS = ['key', 'key_base64', 'value', 'value_base64', 'timestamp', 'partition', 'headers'] as const;
type MemberName = (typeof MEMBERS)[number];

function isMember(name: string): name is MemberName {
  return MEMBERS.some((member) => member === name);
}

export function parseProduceLine(line: string): NewRecord {
  const members = membersOf(line);
  if (!members.has('value') && !members.has('value_base64')) {
    throw new LineError('"value" is missing; write null for a tombstone');
  }
  const timestampMs = timestampOf(members.get('timestamp'));
  const partition = partitionOf(members.get('partition'));
  const headers = headersOf(members.get('headers'));
  return {
    key: fieldOf(members, 'key', 'key_base64'),
    value: fieldOf(members, 'value', 'value_base64'),
    ...(timestampMs === undefined ? {} : { timestampMs }),
    ...(partition === undefined ? {} : { partition }),
    ...(headers.length === 0 ? {} : { headers }),
  };
}

/** The line's members with their source text. */
function membersOf(line: string): ReadonlyMap<MemberName, string> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (error) {
    throw new LineError(`it is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new LineError('it is not an object such as {"key":"K-1","value":{…}}');
  }
  const members = new Map<MemberName, string>();
  for (const { name, start, end } of memberSlices(line)) {
    if (!isMember(name)) {
      throw new LineError(`unknown member ${JSON.stringify(name)}; a line may have ${MEMBERS.join(', ')}`);
    }
    if (members.has(name)) throw new LineError(`"${name}" stands in it twice`);
    members.set(name, line.slice(start, end));
  }
  return members;
}

function fieldOf(
  members: ReadonlyMap<MemberName, string>,
  name: 'key' | 'value',
  base64Name: 'key_base64' | 'value_base64',
): string | Uint8Array | null {
  const source = members.get(name);
  const base64 = members.get(base64Name);
  if (base64 === undefined) return source === undefined ? null : textOf(source, name);
  if (source !== undefined) throw new LineError(`"${name}" and "${base64Name}" exclude each other`);
  const text: unknown = JSON.parse(base64);
  if (
    typeof text !== 'string' ||
    !/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/.test(text)
  ) {
    throw new LineError(`"${base64Name}" is not base64 text`);
  }
  return Buffer.from(text, 'base64');
}

/** null stays null, text is its characters, everything else its source. */
function textOf(source: string, where: string): string | null {
  if (source === 'null') return null;
  if (!source.startsWith('"')) return source;
  const text = String(JSON.parse(source));
  if (!text.isWellFormed()) {
    throw new LineError(
      `"${where}" has half of a surrogate pair, which has no UTF-8; give the bytes as ${where}_base64`,
    );
  }
  return text;
}

function timestampOf(source: string | undefined): number | undefined {
  if (source === undefined || source === 'null') return undefined;
  if (/^\d{1,15}$/.test(source)) return Number(source);
  if (source.startsWith('"')) {
    const instant = parseInstant(String(JSON.parse(source)));
    if (instant !== undefined && instant.micros >= 0) return Math.floor(instant.micros / 1000);
  }
  throw new LineError(
    `"timestamp" ${source.slice(0, 60)} is neither whole milliseconds since 1970 nor an RFC 3339 time`,
  );
}

function partitionOf(source: string | undefined): number | undefined {
  if (source === undefined || source === 'null') return undefined;
  if (/^\d{1,9}$/.test(source)) return Number(source);
  throw new LineError(`"partition" ${source.slice(0, 60)} is not a whole number of at least 0`);
}

function headersOf(source: string | undefined): readonly (readonly [string, string | null])[] {
  if (source === undefined || source === 'null') return [];
  if (!source.startsWith('{')) throw new LineError('"headers" is not an object of names and values');
  return memberSlices(source).map(({ name, start, end }) => {
    if (!name.isWellFormed()) throw new LineError("a header's name has half of a surrogate pair, which has no UTF-8");
    return [name, textOf(source.slice(start, end), name)] as const;
  });
}
