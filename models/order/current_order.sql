{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key='order_number',
    delete_when='_is_deleted',
    cluster_by=['order_number']
) }}

-- depends_on: {{ source('order_raw', 'raw_order_stream') }}

{{ sluice.current_rows('order', changes, this) }}
