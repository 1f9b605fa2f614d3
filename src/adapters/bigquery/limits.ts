/** BigQuery's limits that sluice has to stay under (FACTS.md §5), and what that means here. */

/** A load job takes at most 10,000 URIs in its configuration (10 million files by wildcard): more objects are loaded by several jobs. */
export const MAX_URIS_PER_LOAD = 10_000;

/**
 * Loads, copies and query destinations together per table and day, failed ones included; DML is not counted. One load per table and
 * hourly batch uses 24 of them; below two minutes between batches it would run out. Nothing in the code needs to count: it is the reason for
 * one load per batch.
 *
 * @public
 */
export const MAX_TABLE_MODIFICATIONS_PER_DAY = 1500;

/** Statement texts end at 1 MB; a noted batch takes about 200 characters. */
export const MAX_ROWS_PER_INSERT = 1000;
