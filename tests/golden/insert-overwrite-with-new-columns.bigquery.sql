create or replace table `my-project`.`analytics`.`target__sluice_stage`
options (expiration_timestamp = timestamp_add(current_timestamp(), interval 24 hour)) as
select * from main.input;

alter table `my-project`.`analytics`.`target` add column if not exists `extra` INT64;

begin transaction;

select case when found.n > 0 then error('the partition column day is NULL in the model\'s rows: ' || cast(found.n as string) || ' rows') end
from (select count(*) as n from `my-project`.`analytics`.`target__sluice_stage` where `day` is null) as found;

select case when found.n > 0 then error('the model gives rows outside of the planned window 2026-03-02 to 2026-03-02 (day): ' || cast(found.n as string) || ' rows' || coalesce(', from ' || cast(found.lowest as string) || ' to ' || cast(found.highest as string), '')) end
from (select count(*) as n, min(`day`) as lowest, max(`day`) as highest from `my-project`.`analytics`.`target__sluice_stage` where not (`day` >= date '2026-03-02' and `day` < date '2026-03-03')) as found;

delete from `my-project`.`analytics`.`target`
where `day` >= date '2026-03-02' and `day` < date '2026-03-03';

insert into `my-project`.`analytics`.`target` (`day`, `id`, `label`, `extra`)
select `day`, `id`, `label`, `extra`
from `my-project`.`analytics`.`target__sluice_stage`;

commit transaction;

drop table if exists `my-project`.`analytics`.`target__sluice_stage`;
