/** Limits of one rendering: a template is text that somebody wrote, and a slip in it must end with a message, not with a dead process. */
export interface RenderLimits {
  /** Statements, loop rounds and calls. The largest dbt packages stay under 100,000 per model; five million take about a second. */
  readonly maxSteps: number;
  /** Characters that one rendering or one text may have. BigQuery takes no query over 12 MB, DuckDB gets slow long before. */
  readonly maxTextChars: number;
  /** Items of one list, dict or range made in a template; more rows than that belong into the warehouse. */
  readonly maxItems: number;
  /** Macro calls inside each other. Python stops Jinja at about the same depth; V8's stack holds some ten times as many. */
  readonly maxDepth: number;
}

export const RENDER_LIMITS: RenderLimits = {
  maxSteps: 5_000_000,
  maxTextChars: 16_000_000,
  maxItems: 1_000_000,
  maxDepth: 200,
};

/** What Jinja's sandbox, which dbt renders in, allows for `range()`. */
export const MAX_RANGE = 100_000;

/** Bits of an integer: about 4,900 digits; Python refuses to print more than 4,300. */
export const MAX_INTEGER_BITS = 16_384;
