begin transaction;
select case when found.n > 0 then error('unique_key (customer_id) is NULL in the model\'s rows: ' || cast(found.n as string) || ' rows') end
from (select count(*) as n from `sluice-test`.`analytics`.`current_customer__sluice_stage` where `customer_id` is null) as found;
select case when found.n > 0 then error('unique_key (customer_id) stands more than once in the model\'s rows, surplus: ' || cast(found.n as string) || ' rows') end
from (select coalesce(sum(repeated.extra), 0) as n from (select count(*) - 1 as extra from `sluice-test`.`analytics`.`current_customer__sluice_stage` group by `customer_id` having count(*) > 1) as repeated) as found;
merge into `sluice-test`.`analytics`.`current_customer` as DBT_INTERNAL_DEST
using `sluice-test`.`analytics`.`current_customer__sluice_stage` as DBT_INTERNAL_SOURCE
on DBT_INTERNAL_SOURCE.`customer_id` = DBT_INTERNAL_DEST.`customer_id`
  and DBT_INTERNAL_DEST.`customer_id` between 'K-0' and 'K-0'
when matched and (
  DBT_INTERNAL_DEST.`updated_at` is distinct from DBT_INTERNAL_SOURCE.`updated_at`
  or DBT_INTERNAL_DEST.`status` is distinct from DBT_INTERNAL_SOURCE.`status`
  or DBT_INTERNAL_DEST.`first_name` is distinct from DBT_INTERNAL_SOURCE.`first_name`
  or DBT_INTERNAL_DEST.`last_name` is distinct from DBT_INTERNAL_SOURCE.`last_name`
  or DBT_INTERNAL_DEST.`birth_date` is distinct from DBT_INTERNAL_SOURCE.`birth_date`
  or DBT_INTERNAL_DEST.`email` is distinct from DBT_INTERNAL_SOURCE.`email`
  or DBT_INTERNAL_DEST.`phone` is distinct from DBT_INTERNAL_SOURCE.`phone`
  or DBT_INTERNAL_DEST.`street` is distinct from DBT_INTERNAL_SOURCE.`street`
  or DBT_INTERNAL_DEST.`postal_code` is distinct from DBT_INTERNAL_SOURCE.`postal_code`
  or DBT_INTERNAL_DEST.`city` is distinct from DBT_INTERNAL_SOURCE.`city`
  or DBT_INTERNAL_DEST.`country` is distinct from DBT_INTERNAL_SOURCE.`country`
  or DBT_INTERNAL_DEST.`segment` is distinct from DBT_INTERNAL_SOURCE.`segment`
  or DBT_INTERNAL_DEST.`advisor_id` is distinct from DBT_INTERNAL_SOURCE.`advisor_id`
  or DBT_INTERNAL_DEST.`newsletter` is distinct from DBT_INTERNAL_SOURCE.`newsletter`
  or DBT_INTERNAL_DEST.`credit_limit` is distinct from DBT_INTERNAL_SOURCE.`credit_limit`
  or DBT_INTERNAL_DEST.`external_ref` is distinct from DBT_INTERNAL_SOURCE.`external_ref`
  or to_json_string(DBT_INTERNAL_DEST.`attributes`) is distinct from to_json_string(DBT_INTERNAL_SOURCE.`attributes`)
  or DBT_INTERNAL_DEST.`_op` is distinct from DBT_INTERNAL_SOURCE.`_op`
  or DBT_INTERNAL_DEST.`_event_at` is distinct from DBT_INTERNAL_SOURCE.`_event_at`
  or DBT_INTERNAL_DEST.`_is_deleted` is distinct from DBT_INTERNAL_SOURCE.`_is_deleted`
  or DBT_INTERNAL_DEST.`_batch_id` is distinct from DBT_INTERNAL_SOURCE.`_batch_id`
  or DBT_INTERNAL_DEST.`_gone_since` is distinct from DBT_INTERNAL_SOURCE.`_gone_since`
) then update set
  `updated_at` = DBT_INTERNAL_SOURCE.`updated_at`,
  `status` = DBT_INTERNAL_SOURCE.`status`,
  `first_name` = DBT_INTERNAL_SOURCE.`first_name`,
  `last_name` = DBT_INTERNAL_SOURCE.`last_name`,
  `birth_date` = DBT_INTERNAL_SOURCE.`birth_date`,
  `email` = DBT_INTERNAL_SOURCE.`email`,
  `phone` = DBT_INTERNAL_SOURCE.`phone`,
  `street` = DBT_INTERNAL_SOURCE.`street`,
  `postal_code` = DBT_INTERNAL_SOURCE.`postal_code`,
  `city` = DBT_INTERNAL_SOURCE.`city`,
  `country` = DBT_INTERNAL_SOURCE.`country`,
  `segment` = DBT_INTERNAL_SOURCE.`segment`,
  `advisor_id` = DBT_INTERNAL_SOURCE.`advisor_id`,
  `newsletter` = DBT_INTERNAL_SOURCE.`newsletter`,
  `credit_limit` = DBT_INTERNAL_SOURCE.`credit_limit`,
  `external_ref` = DBT_INTERNAL_SOURCE.`external_ref`,
  `attributes` = DBT_INTERNAL_SOURCE.`attributes`,
  `_op` = DBT_INTERNAL_SOURCE.`_op`,
  `_event_at` = DBT_INTERNAL_SOURCE.`_event_at`,
  `_is_deleted` = DBT_INTERNAL_SOURCE.`_is_deleted`,
  `_batch_id` = DBT_INTERNAL_SOURCE.`_batch_id`,
  `_gone_since` = DBT_INTERNAL_SOURCE.`_gone_since`
when not matched then insert (`customer_id`, `updated_at`, `status`, `first_name`, `last_name`, `birth_date`, `email`, `phone`, `street`, `postal_code`, `city`, `country`, `segment`, `advisor_id`, `newsletter`, `credit_limit`, `external_ref`, `attributes`, `_op`, `_event_at`, `_is_deleted`, `_batch_id`, `_gone_since`)
values (DBT_INTERNAL_SOURCE.`customer_id`, DBT_INTERNAL_SOURCE.`updated_at`, DBT_INTERNAL_SOURCE.`status`, DBT_INTERNAL_SOURCE.`first_name`, DBT_INTERNAL_SOURCE.`last_name`, DBT_INTERNAL_SOURCE.`birth_date`, DBT_INTERNAL_SOURCE.`email`, DBT_INTERNAL_SOURCE.`phone`, DBT_INTERNAL_SOURCE.`street`, DBT_INTERNAL_SOURCE.`postal_code`, DBT_INTERNAL_SOURCE.`city`, DBT_INTERNAL_SOURCE.`country`, DBT_INTERNAL_SOURCE.`segment`, DBT_INTERNAL_SOURCE.`advisor_id`, DBT_INTERNAL_SOURCE.`newsletter`, DBT_INTERNAL_SOURCE.`credit_limit`, DBT_INTERNAL_SOURCE.`external_ref`, DBT_INTERNAL_SOURCE.`attributes`, DBT_INTERNAL_SOURCE.`_op`, DBT_INTERNAL_SOURCE.`_event_at`, DBT_INTERNAL_SOURCE.`_is_deleted`, DBT_INTERNAL_SOURCE.`_batch_id`, DBT_INTERNAL_SOURCE.`_gone_since`);
create temp table _sluice_rows_0 as
select @@row_count as n;
create temp table _sluice_gate as
select 0 as test, cast(t.failures as int64) as failures, t.should_warn, t.should_error from (
select
  cast(coalesce(count(*), 0) as int64) as failures,
  coalesce(count(*), 0) != 0 as should_warn,
  coalesce(count(*), 0) != 0 as should_error
from (
select `_op` as value_field, count(*) as n_records
from `sluice-test`.`analytics`.`current_customer` as tested
where `_op` not in ('c', 'u', 'd', 'r')
group by 1
) as dbt_internal_test
) as t
union all
select 1 as test, cast(t.failures as int64) as failures, t.should_warn, t.should_error from (
select
  cast(coalesce(count(*), 0) as int64) as failures,
  coalesce(count(*), 0) != 0 as should_warn,
  coalesce(count(*), 0) != 0 as should_error
from (
select *
from `sluice-test`.`analytics`.`current_customer`
where not coalesce(_is_deleted = (_op = 'd'), false)
) as dbt_internal_test
) as t
union all
select 2 as test, cast(t.failures as int64) as failures, t.should_warn, t.should_error from (
select
  cast(coalesce(count(*), 0) as int64) as failures,
  coalesce(count(*), 0) != 0 as should_warn,
  coalesce(count(*), 0) != 0 as should_error
from (
select `_event_at` as null_field
from `sluice-test`.`analytics`.`current_customer` as tested
where `_event_at` is null
) as dbt_internal_test
) as t
union all
select 3 as test, cast(t.failures as int64) as failures, t.should_warn, t.should_error from (
select
  cast(coalesce(count(*), 0) as int64) as failures,
  coalesce(count(*), 0) != 0 as should_warn,
  coalesce(count(*), 0) != 0 as should_error
from (
select `_is_deleted` as null_field
from `sluice-test`.`analytics`.`current_customer` as tested
where `_is_deleted` is null
) as dbt_internal_test
) as t
union all
select 4 as test, cast(t.failures as int64) as failures, t.should_warn, t.should_error from (
select
  cast(coalesce(count(*), 0) as int64) as failures,
  coalesce(count(*), 0) != 0 as should_warn,
  coalesce(count(*), 0) != 0 as should_error
from (
select `_op` as null_field
from `sluice-test`.`analytics`.`current_customer` as tested
where `_op` is null
) as dbt_internal_test
) as t
union all
select 5 as test, cast(t.failures as int64) as failures, t.should_warn, t.should_error from (
select
  cast(coalesce(count(*), 0) as int64) as failures,
  coalesce(count(*), 0) != 0 as should_warn,
  coalesce(count(*), 0) != 0 as should_error
from (
select `customer_id` as null_field
from `sluice-test`.`analytics`.`current_customer` as tested
where `customer_id` is null
) as dbt_internal_test
) as t
union all
select 6 as test, cast(t.failures as int64) as failures, t.should_warn, t.should_error from (
select
  cast(coalesce(count(*), 0) as int64) as failures,
  coalesce(count(*), 0) != 0 as should_warn,
  coalesce(count(*), 0) != 0 as should_error
from (
select `customer_id` as unique_field, count(*) as n_records
from `sluice-test`.`analytics`.`current_customer` as tested
where `customer_id` is not null
group by 1
having count(*) > 1
) as dbt_internal_test
) as t;
create temp table _sluice_verdict as
select if(countif(test in (0, 1, 2, 3, 4, 5, 6) and should_error) > 0,
  error(concat('sluice_gate[', string_agg(concat(cast(test as string), ':', cast(coalesce(failures, 0) as string), ':', if(coalesce(should_warn, false), '1', '0'), ':', if(coalesce(should_error, false), '1', '0')), ',' order by test), ']')), 0) as verdict
from _sluice_gate;
delete from `sluice-test.analytics_raw._sluice_models` where job = 'customer' and model = 'current_customer';
insert into `sluice-test.analytics_raw._sluice_models` (job, model, mark) values ('customer', 'current_customer', '<run>');
commit transaction;
select -1 as test, (select n from _sluice_rows_0) as failures, cast(null as bool) as should_warn, cast(null as bool) as should_error
union all
select test, failures, should_warn, should_error from _sluice_gate;
