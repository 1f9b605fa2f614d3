create or replace view `sluice-test`.`analytics`.`stg_customer_events` as
with events as (

    select * from `sluice-test`.`analytics_raw`.`raw_customer_stream`

),

named as (

    select
        _key as customer_id,
        _op,
        _event_at,
        _timestamp as published_at,
        json_value(coalesce(_json, value), '$."status"') as status,
        json_value(coalesce(_json, value), '$."first_name"') as first_name,
        json_value(coalesce(_json, value), '$."last_name"') as last_name,
        json_value(coalesce(_json, value), '$."street"') as street,
        json_value(coalesce(_json, value), '$."postal_code"') as postal_code,
        json_value(coalesce(_json, value), '$."city"') as city,
        json_value(coalesce(_json, value), '$."segment"') as segment,
        _topic,
        _topic_partition as _topic_partition,
        _offset,
        _batch_id
    from events

)

select * from named;
alter view `sluice-test`.`analytics`.`stg_customer_events` set options (description = 'One row per change event of a customer, the fields analysts ask for by name.');
