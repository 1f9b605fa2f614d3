create or replace view `sluice-test`.`analytics`.`stg_customer_listing` as
with listed as (

    select * from `sluice-test`.`analytics_raw`.`raw_customer_snapshot`

),

admitted as (

    select * from `sluice-test`.`analytics_raw`.`raw_customer_snapshot_load`

),

named as (

    select
        listed._key as customer_id,
        listed._snapshot_id,
        listed._snapshot_started_at,
        admitted._snapshot_complete,
        json_value(coalesce(listed._json, listed.value), '$."status"') as status,
        json_value(coalesce(listed._json, listed.value), '$."street"') as street,
        json_value(coalesce(listed._json, listed.value), '$."city"') as city,
        listed._batch_id
    from listed
    inner join admitted on listed._snapshot_id = admitted._snapshot_id

)

select * from named;
alter view `sluice-test`.`analytics`.`stg_customer_listing` set options (description = 'One row per customer and admitted listing of the REST API.');
