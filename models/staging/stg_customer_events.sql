{{ config(materialized='view') }}

with events as (

    select * from {{ source('customer_raw', 'raw_customer_stream') }}

),

named as (

    select
        _key as customer_id,
        _op,
        _event_at,
        _timestamp as published_at,
        {{ json_text(document(), 'status') }} as status,
        {{ json_text(document(), 'first_name') }} as first_name,
        {{ json_text(document(), 'last_name') }} as last_name,
        {{ json_text(document(), 'street') }} as street,
        {{ json_text(document(), 'postal_code') }} as postal_code,
        {{ json_text(document(), 'city') }} as city,
        {{ json_text(document(), 'segment') }} as segment,
        _topic,
        {{ topic_partition() }} as _topic_partition,
        _offset,
        _batch_id
    from events

)

select * from named
