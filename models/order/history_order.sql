{{ config(
    materialized='incremental',
    incremental_strategy='insert_overwrite',
    unique_key='order_number',
    partition_by={'field': 'day', 'data_type': 'date', 'granularity': 'day'},
    cluster_by=['order_number']
) }}

-- depends_on: {{ source('order_raw', 'raw_order_stream') }}

{{ sluice.daily_rows('order', changes, this) }}
