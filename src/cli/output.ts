/**
 * Where a command's text goes: results to stdout, everything else to stderr; with `--json` stdout carries exactly one object, written at the end.
 * Every text passes the redactor. Colours and progress exist on a terminal only.
 */
import type { Redactor } from '../config/secret.ts';
import { shortMessage } from './short-message.ts';

export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface OutputOptions {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly json: boolean;
  readonly redactor: Redactor;
  readonly env: Readonly<Record<string, string | undefined>>;
}

type Paint = (text: string) => string;

export interface Colours {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  readonly cyan: Paint;
}

export class Output {
  readonly json: boolean;
  /** Colours of the stream that `note` writes to. */
  readonly colours: Colours;
  /** Colours of the stream that `result` writes to. */
  readonly resultColours: Colours;
  /** A progress line may be drawn and erased on stderr. */
  readonly interactive: boolean;
  readonly #stdout: TextStream;
  readonly #stderr: TextStream;
  readonly #redactor: Redactor;
  #progress = '';

  constructor(options: OutputOptions) {
    this.json = options.json;
    this.#stdout = options.stdout;
    this.#stderr = options.stderr;
    this.#redactor = options.redactor;
    this.interactive =
      options.stderr.isTTY === true && options.env['TERM'] !== 'dumb' && options.env['CI'] === undefined;
    this.colours = coloursFor(options.stderr, options.env);
    this.resultColours = coloursFor(options.stdout, options.env);
  }

  /** A line of the command's result. With `--json` it is a remark like any other. */
  result(line = ''): void {
    this.#clearProgress();
    (this.json ? this.#stderr : this.#stdout).write(`${this.#redactor.redact(line)}\n`);
  }

  /** A line about how the work goes. */
  note(line = ''): void {
    this.#clearProgress();
    this.#stderr.write(`${this.#redactor.redact(line)}\n`);
  }

  /**
   * Lines for a message that may repeat a whole statement; what is cut out stands elsewhere (`whole`). Secrets go first: half of one would not be
   * known again.
   */
  messageLines(message: string, whole: string): readonly string[] {
    const { text, isWhole } = shortMessage(this.#redactor.redact(message));
    return [...text.split('\n'), ...(isWhole ? [] : [`(shortened; the whole message: ${whole})`])];
  }

  /** The one object of `--json`. */
  object(value: unknown): void {
    this.#clearProgress();
    this.#stdout.write(`${this.#redactor.redact(jsonText(value))}\n`);
  }

  /** Draws over the line before; nothing where nobody watches. Empty text removes it. */
  progress(text: string): void {
    if (!this.interactive || text === this.#progress) return;
    this.#clearProgress();
    if (text === '') return;
    const line = this.#redactor.redact(text).slice(0, (this.#stderr.columns ?? 80) - 1);
    this.#stderr.write(line);
    this.#progress = text;
  }

  #clearProgress(): void {
    if (this.#progress === '') return;
    this.#stderr.write('\r\u001B[2K');
    this.#progress = '';
  }
}

/** 64-bit integers become text: JSON readers would round them. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? inner.toString() : inner));
}

/** The eight codes a terminal needs; https://no-color.org and FORCE_COLOR decide first. */
function coloursFor(stream: TextStream, env: OutputOptions['env']): Colours {
  const forced = env['FORCE_COLOR'] !== undefined && env['FORCE_COLOR'] !== '0' && env['FORCE_COLOR'] !== '';
  const refused = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  const on = forced || (stream.isTTY === true && !refused);
  const paint = (open: number, close: number): Paint =>
    on ? (text) => `\u001B[${open}m${text}\u001B[${close}m` : (text) => text;
  return {
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    cyan: paint(36, 39),
  };
}
