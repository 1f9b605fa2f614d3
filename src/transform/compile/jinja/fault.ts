import { isSluiceError, messageOf, SluiceError } from '../../../core/errors.ts';
import { excerpt, type Site, siteText } from './source.ts';

/** A mistake in a template, thrown where it is found; it gets its place from the parser or from the render state. */
export class TemplateFault extends Error {
  readonly hint: string | undefined;
  /** Set when the place is known where the fault is thrown (lexer, parser, compiler). */
  readonly site: Site | undefined;

  constructor(message: string, hint?: string, site?: Site) {
    super(message);
    this.name = 'TemplateFault';
    this.hint = hint;
    this.site = site;
  }
}

export function fail(message: string, hint?: string): never {
  throw new TemplateFault(message, hint);
}

/**
 * Thrown by a host function that cannot answer now (a query has to run first): passes through the engine untouched, so
 * that the caller of `render` can do the asynchronous work and render again.
 */
export class RenderInterrupt extends Error {
  readonly reason: unknown;

  constructor(reason: unknown) {
    super('the rendering waits for its host');
    this.name = 'RenderInterrupt';
    this.reason = reason;
  }
}

/** A macro that was being called when the fault happened: its name, and where the call stands. */
export interface CallFrame {
  readonly macro: string;
  readonly site: Site | undefined;
}

/** More frames than this say nothing new: only a runaway recursion has them. */
const MAX_SHOWN_FRAMES = 12;

function stackText(frames: readonly CallFrame[]): string {
  const newestFirst = frames.toReversed();
  const shown = newestFirst.slice(0, MAX_SHOWN_FRAMES).map((frame) => {
    const from = frame.site === undefined ? 'called by sluice' : `called from ${siteText(frame.site)}`;
    return `  in ${frame.macro}, ${from}`;
  });
  const hidden = newestFirst.length - shown.length;
  if (hidden > 0) shown.push(`  … and ${hidden} more calls`);
  return shown.map((line) => `\n${line}`).join('');
}

function placed(message: string, site: Site | undefined, frames: readonly CallFrame[]): string {
  if (site === undefined) return message + stackText(frames);
  const shown = excerpt(site);
  return `${siteText(site)}: ${message}${shown === '' ? '' : `\n${shown}`}${stackText(frames)}`;
}

function detailsOf(site: Site | undefined, frames: readonly CallFrame[]): Readonly<Record<string, unknown>> {
  if (site === undefined) return {};
  const stack = frames.map((frame) => ({
    macro: frame.macro,
    ...(frame.site === undefined ? {} : { calledFrom: siteText(frame.site) }),
  }));
  return { file: site.source.name, line: site.line, column: site.column, ...(stack.length === 0 ? {} : { stack }) };
}

function hintOption(hint: string | undefined): { hint?: string } {
  return hint === undefined ? {} : { hint };
}

const TOO_DEEP = 'it is nested too deeply';

/** RangeError is what V8 throws when its stack is used up, and when a text would be longer than it can hold. */
function engineLimit(error: RangeError): string {
  return error.message.includes('call stack') ? TOO_DEEP : `a limit was reached (${error.message})`;
}

/**
 * The error that leaves the engine: `compile_error` with file, line, column, the line itself and the macro calls. An error
 * that a host function threw on purpose keeps its own code and hint and gets the place added.
 */
export function templateError(error: unknown, site: Site | undefined, frames: readonly CallFrame[]): unknown {
  if (error instanceof RenderInterrupt) return error;
  if (error instanceof TemplateFault) {
    const place = error.site ?? site;
    const details = detailsOf(place, frames);
    return new SluiceError('compile_error', placed(error.message, place, frames), {
      ...hintOption(error.hint),
      details,
    });
  }
  if (isSluiceError(error)) {
    if (error.details['file'] !== undefined && error.details['line'] !== undefined) return error;
    const details = { ...error.details, ...detailsOf(site, frames) };
    return new SluiceError(error.code, placed(error.message, site, frames), {
      ...hintOption(error.hint),
      cause: error,
      details,
    });
  }
  const message = error instanceof RangeError ? engineLimit(error) : messageOf(error);
  return new SluiceError('compile_error', placed(message, site, frames), {
    cause: error,
    details: detailsOf(site, frames),
  });
}
