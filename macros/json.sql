{#- Reading JSON texts: the two warehouses differ here, the models do not. -#}

{% macro json_text(document, field) -%}
    {{ return(adapter.dispatch('json_text')(document, field)) }}
{%- endmacro %}

{% macro duckdb__json_text(document, field) -%}
    json_extract_string({{ document }}, '$."{{ field }}"')
{%- endmacro %}

{% macro bigquery__json_text(document, field) -%}
    json_value({{ document }}, '$."{{ field }}"')
{%- endmacro %}

{#- The text that JSON readers read right: see `_json` in the raw tables. -#}
{% macro document() -%}
    coalesce(_json, value)
{%- endmacro %}
