create or replace table `my-project`.`analytics`.`target__sluice_stage`
options (expiration_timestamp = timestamp_add(current_timestamp(), interval 24 hour)) as
select * from main.input;

begin transaction;

select case when found.n > 0 then error('unique_key (id) is NULL in the model\'s rows: ' || cast(found.n as string) || ' rows') end
from (select count(*) as n from `my-project`.`analytics`.`target__sluice_stage` where `id` is null) as found;

delete from `my-project`.`analytics`.`target` as DBT_INTERNAL_DEST
where exists (select 1 from `my-project`.`analytics`.`target__sluice_stage` as DBT_INTERNAL_SOURCE where DBT_INTERNAL_SOURCE.`id` = DBT_INTERNAL_DEST.`id`)
and (DBT_INTERNAL_DEST.version < 100);

insert into `my-project`.`analytics`.`target` (`id`, `version`, `label`)
select `id`, `version`, `label`
from `my-project`.`analytics`.`target__sluice_stage`;

commit transaction;

drop table if exists `my-project`.`analytics`.`target__sluice_stage`;
