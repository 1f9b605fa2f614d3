/** dbt's names for the two sides of a change, which users' predicates are written with. */
export const SOURCE = 'DBT_INTERNAL_SOURCE';
export const DEST = 'DBT_INTERNAL_DEST';
