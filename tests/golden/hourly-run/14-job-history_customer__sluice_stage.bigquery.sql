begin transaction;
select case when found.n > 0 then error('the partition column day is NULL in the model\'s rows: ' || cast(found.n as string) || ' rows') end
from (select count(*) as n from `sluice-test`.`analytics`.`history_customer__sluice_stage` where `day` is null) as found;
select case when found.n > 0 then error('the model gives rows outside of the planned window 2026-03-15 to 2026-03-15 (day): ' || cast(found.n as string) || ' rows' || coalesce(', from ' || cast(found.lowest as string) || ' to ' || cast(found.highest as string), '')) end
from (select count(*) as n, min(`day`) as lowest, max(`day`) as highest from `sluice-test`.`analytics`.`history_customer__sluice_stage` where not (`day` >= date '2026-03-15' and `day` < date '2026-03-16')) as found;
delete from `sluice-test`.`analytics`.`history_customer`
where `day` >= date '2026-03-15' and `day` < date '2026-03-16';
insert into `sluice-test`.`analytics`.`history_customer` (`day`, `customer_id`, `updated_at`, `status`, `first_name`, `last_name`, `birth_date`, `email`, `phone`, `street`, `postal_code`, `city`, `country`, `segment`, `advisor_id`, `newsletter`, `credit_limit`, `external_ref`, `attributes`, `_op`, `_event_at`, `_is_deleted`, `_batch_id`, `_gone_since`)
select `day`, `customer_id`, `updated_at`, `status`, `first_name`, `last_name`, `birth_date`, `email`, `phone`, `street`, `postal_code`, `city`, `country`, `segment`, `advisor_id`, `newsletter`, `credit_limit`, `external_ref`, `attributes`, `_op`, `_event_at`, `_is_deleted`, `_batch_id`, `_gone_since`
from `sluice-test`.`analytics`.`history_customer__sluice_stage`;
create temp table _sluice_rows_0 as
select @@row_count as n;
create temp table _sluice_gate as
select 0 as test, cast(t.failures as int64) as failures, t.should_warn, t.should_error from (
select
  cast(coalesce(count(*), 0) as int64) as failures,
  coalesce(count(*), 0) != 0 as should_warn,
  coalesce(count(*), 0) != 0 as should_error
from (
-- Every customer of the newest day stands in current_customer: history never knows more than current. A run names the day, so that BigQuery
-- reads one partition; outside of one the table has to be asked.
select history.customer_id
from `sluice-test`.`analytics`.`history_customer` as history
left join `sluice-test`.`analytics`.`current_customer` as current_state on current_state.customer_id = history.customer_id
where history.day = date '2026-03-15'
    and current_state.customer_id is null
) as dbt_internal_test
) as t
union all
select 1 as test, cast(t.failures as int64) as failures, t.should_warn, t.should_error from (
select
  cast(coalesce(count(*), 0) as int64) as failures,
  coalesce(count(*), 0) != 0 as should_warn,
  coalesce(count(*), 0) != 0 as should_error
from (
select `customer_id` as null_field
from (select * from `sluice-test`.`analytics`.`history_customer` where (`day` >= date '2026-03-15' and `day` < date '2026-03-16')) as tested
where `customer_id` is null
) as dbt_internal_test
) as t
union all
select 2 as test, cast(t.failures as int64) as failures, t.should_warn, t.should_error from (
select
  cast(coalesce(count(*), 0) as int64) as failures,
  coalesce(count(*), 0) != 0 as should_warn,
  coalesce(count(*), 0) != 0 as should_error
from (
select `day` as null_field
from (select * from `sluice-test`.`analytics`.`history_customer` where (`day` >= date '2026-03-15' and `day` < date '2026-03-16')) as tested
where `day` is null
) as dbt_internal_test
) as t
union all
select 3 as test, cast(t.failures as int64) as failures, t.should_warn, t.should_error from (
select
  cast(coalesce(count(*), 0) as int64) as failures,
  coalesce(count(*), 0) != 0 as should_warn,
  coalesce(count(*), 0) != 0 as should_error
from (
select day, customer_id, count(*) as copies
from (select * from `sluice-test`.`analytics`.`history_customer` where (`day` >= date '2026-03-15' and `day` < date '2026-03-16'))
group by day, customer_id
having count(*) > 1
) as dbt_internal_test
) as t;
create temp table _sluice_verdict as
select if(countif(test in (0, 1, 2, 3) and should_error) > 0,
  error(concat('sluice_gate[', string_agg(concat(cast(test as string), ':', cast(coalesce(failures, 0) as string), ':', if(coalesce(should_warn, false), '1', '0'), ':', if(coalesce(should_error, false), '1', '0')), ',' order by test), ']')), 0) as verdict
from _sluice_gate;
delete from `sluice-test.analytics_raw._sluice_models` where job = 'customer' and model = 'history_customer';
insert into `sluice-test.analytics_raw._sluice_models` (job, model, mark) values ('customer', 'history_customer', '<run>');
commit transaction;
select -1 as test, (select n from _sluice_rows_0) as failures, cast(null as bool) as should_warn, cast(null as bool) as should_error
union all
select test, failures, should_warn, should_error from _sluice_gate;
