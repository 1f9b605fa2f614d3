/** The dead letters of a job by the filter of a command; nothing but the state store and landing is opened. */
import { loadJob } from '../../config/load-jobs.ts';
import type { DeadLetter } from '../../ingest/dead-letters.ts';
import { listDeadLetters, type ListedDeadLetter } from '../../pipeline/replay-dead-letters.ts';
import { composed } from '../compose.ts';
import type { CliContext } from '../context.ts';
import type { DeadLetterFilter } from '../dlq-commands.ts';
import { jobPorts } from '../job/ports.ts';
import { openProject } from '../open-project.ts';

/** Oldest first. */
export async function loadDeadLetters(
  context: CliContext,
  name: string,
  options: DeadLetterFilter,
): Promise<readonly ListedDeadLetter[]> {
  const project = await openProject(context, options);
  const job = await loadJob(project.config, name);
  return composed(context, project, async (composition) => {
    const letters: ListedDeadLetter[] = [];
    for await (const listed of listDeadLetters(await jobPorts(job, { context, project, composition, reading: true }))) {
      const { letter } = listed;
      if (options.reason !== undefined && letter.reason_code !== options.reason) continue;
      if (options.batch !== undefined && letter._batch_id !== options.batch) continue;
      letters.push(listed);
    }
    return letters;
  });
}

/** `topic/partition@offset`, or `snapshot page 3 row 17`. */
export function positionText(letter: DeadLetter): string {
  if (letter._topic === undefined) return `${letter._snapshot_id} page ${letter._page} row ${letter._row}`;
  const epoch = (letter._epoch ?? 0) === 0 ? '' : ` (epoch ${letter._epoch})`;
  return `${letter._topic}/${letter._partition}@${letter._offset}${epoch}`;
}

/** Bytes for people: the text where it is UTF-8 without control characters, else base64. */
export function readable(base64: string | undefined): string {
  if (base64 === undefined) return 'null';
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(base64, 'base64'));
    return hasControls(text) ? `base64:${base64}` : text;
  } catch {
    return `base64:${base64}`;
  }
}

/** Bytes of strangers go to a terminal here: escape sequences must not. */
function hasControls(text: string): boolean {
  return /[\p{Cc}\p{Cf}]/u.test(text.replaceAll(/[\n\t]/g, ''));
}
