/**
 * Macros that every project has, as dbt's global project: names of schemas and aliases, and the four generic tests. A macro of the same name
 * in the project wins.
 */
import type { SourceFile } from './source-files.ts';

/** Also how a project names them: `dbt.generate_schema_name(…)`. */
export const BUILTIN_PACKAGE = 'dbt';

const NAMES = `
{% macro generate_schema_name(custom_schema_name=none, node=none) -%}
  {%- if custom_schema_name is none -%}
    {{ target.schema }}
  {%- else -%}
    {{ target.schema }}_{{ custom_schema_name | trim }}
  {%- endif -%}
{%- endmacro %}

{% macro generate_alias_name(custom_alias_name=none, node=none) -%}
  {{ node.name if custom_alias_name is none else custom_alias_name | trim }}
{%- endmacro %}

{% macro generate_database_name(custom_database_name=none, node=none) -%}
  {%- if custom_database_name is not none -%}
    {{ custom_database_name | trim }}
  {%- elif target.database is not none -%}
    {{ target.database }}
  {%- endif -%}
{%- endmacro %}
`;

/** The relation has an alias, because BigQuery reads a name that is table and column at once (`country.country`) as the whole row. */
const TESTS = `
{% test unique(model, column_name) %}
select {{ adapter.quote_column(column_name) }} as unique_field, count(*) as n_records
from {{ model }} as tested
where {{ adapter.quote_column(column_name) }} is not null
group by 1
having count(*) > 1
{% endtest %}

{% test not_null(model, column_name) %}
select {{ adapter.quote_column(column_name) }} as null_field
from {{ model }} as tested
where {{ adapter.quote_column(column_name) }} is null
{% endtest %}

{% test accepted_values(model, column_name, values, quote=true) %}
select {{ adapter.quote_column(column_name) }} as value_field, count(*) as n_records
from {{ model }} as tested
where {{ adapter.quote_column(column_name) }} not in (
  {%- for value in values -%}
    {{ adapter.quote_text(value | string) if quote else value }}{{ ', ' if not loop.last }}
  {%- endfor -%}
)
group by 1
{% endtest %}

{% test relationships(model, column_name, to, field) %}
select child.{{ adapter.quote_column(column_name) }} as from_field
from {{ model }} as child
left join {{ to }} as parent on child.{{ adapter.quote_column(column_name) }} = parent.{{ adapter.quote_column(field) }}
where child.{{ adapter.quote_column(column_name) }} is not null
and parent.{{ adapter.quote_column(field) }} is null
{% endtest %}
`;

export const BUILTIN_MACROS: readonly SourceFile[] = [
  { file: 'sluice:names.sql', inside: 'names.sql', text: NAMES },
  { file: 'sluice:tests.sql', inside: 'tests.sql', text: TESTS },
];
