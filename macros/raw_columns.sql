{#- Columns of the raw tables that have another name on one of the warehouses: see `docs/bigquery.md`. -#}

{#- A record's topic partition: BigQuery takes no column whose name begins with `_partition`. -#}
{% macro topic_partition() -%}
    {{ return(adapter.dispatch('topic_partition')()) }}
{%- endmacro %}

{% macro duckdb__topic_partition() -%}
    _partition
{%- endmacro %}

{% macro bigquery__topic_partition() -%}
    _topic_partition
{%- endmacro %}
