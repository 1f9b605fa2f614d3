{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key='customer_id',
    cluster_by=['customer_id']
) }}

-- depends_on: {{ ref('stg_customer_events') }}, {{ ref('stg_customer_listing') }}

with folded as (

    -- One row per customer; in an hourly run only of the customers that a new batch can change.
    {{ sluice.current_rows('customer', changes, this) }}

)

select
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
from folded
