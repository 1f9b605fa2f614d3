create or replace table `my-project`.`analytics`.`target__sluice_stage`
options (expiration_timestamp = timestamp_add(current_timestamp(), interval 24 hour)) as
select * from main.input;

select case when found.n > 0 then error('the partition column day is NULL in the model\'s rows: ' || cast(found.n as string) || ' rows') end
from (select count(*) as n from `my-project`.`analytics`.`target__sluice_stage` where `day` is null) as found;

create or replace table `my-project`.`analytics`.`target`
partition by `day`
cluster by `id`
as
select * from `my-project`.`analytics`.`target__sluice_stage`;

drop table if exists `my-project`.`analytics`.`target__sluice_stage`;
