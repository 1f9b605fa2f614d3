/** Where template text comes from, and how a place in it is shown to the reader. */

export interface TemplateSource {
  /** File path for messages, relative to the project: `models/current_customer.sql`. */
  readonly name: string;
  readonly text: string;
}

/** A place in a template; `line` and `column` count from 1. */
export interface Site {
  readonly source: TemplateSource;
  readonly line: number;
  readonly column: number;
}

export function siteText(site: Site): string {
  return `${site.source.name}:${site.line}:${site.column}`;
}

/** Longest piece of a template line that a message shows; generated one-line files would fill the terminal otherwise. */
const MAX_SHOWN_COLUMNS = 160;

/** The template's line with a caret under the column, e.g. `  12 | select {{ x }}`. */
export function excerpt(site: Site): string {
  const line = site.source.text.split(/\r\n|\r|\n/, site.line)[site.line - 1];
  if (line === undefined) return '';
  const cut = Math.max(0, site.column - MAX_SHOWN_COLUMNS);
  const shown = line.slice(cut, cut + MAX_SHOWN_COLUMNS + 40);
  const label = `  ${site.line} | `;
  // Tabs stay tabs, so that the caret stands under its column however wide the terminal draws them.
  const indent = shown.slice(0, site.column - 1 - cut).replace(/[^\t]/g, ' ');
  return `${label}${shown}\n${' '.repeat(label.length - 2)}| ${indent}^`;
}
