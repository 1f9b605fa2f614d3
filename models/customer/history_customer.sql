{{ config(
    materialized='incremental',
    incremental_strategy='insert_overwrite',
    unique_key='customer_id',
    partition_by={'field': 'day', 'data_type': 'date', 'granularity': 'day'},
    cluster_by=['customer_id']
) }}

-- depends_on: {{ ref('stg_customer_events') }}, {{ ref('stg_customer_listing') }}

with daily as (

    -- One row per customer and day of the planned window.
    {{ sluice.daily_rows('customer', changes, this) }}

)

select
    day,
    customer_id,
    updated_at,
    status,
    first_name,
    last_name,
    birth_date,
    email,
    phone,
    street,
    postal_code,
    city,
    country,
    segment,
    advisor_id,
    newsletter,
    credit_limit,
    external_ref,
    attributes,
    _op,
    _event_at,
    _is_deleted,
    _batch_id,
    _gone_since
from daily
