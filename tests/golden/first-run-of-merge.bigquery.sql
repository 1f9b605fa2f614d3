create or replace table `my-project`.`analytics`.`target__sluice_stage`
options (expiration_timestamp = timestamp_add(current_timestamp(), interval 24 hour)) as
select * from (
select * from main.input
) as DBT_INTERNAL_SOURCE
where (version = 9) is not true;

select case when found.n > 0 then error('unique_key (id) is NULL in the model\'s rows: ' || cast(found.n as string) || ' rows') end
from (select count(*) as n from `my-project`.`analytics`.`target__sluice_stage` where `id` is null) as found;

select case when found.n > 0 then error('unique_key (id) stands more than once in the model\'s rows, surplus: ' || cast(found.n as string) || ' rows') end
from (select coalesce(sum(repeated.extra), 0) as n from (select count(*) - 1 as extra from `my-project`.`analytics`.`target__sluice_stage` group by `id` having count(*) > 1) as repeated) as found;

create or replace table `my-project`.`analytics`.`target`
as
select * from `my-project`.`analytics`.`target__sluice_stage`;

drop table if exists `my-project`.`analytics`.`target__sluice_stage`;
