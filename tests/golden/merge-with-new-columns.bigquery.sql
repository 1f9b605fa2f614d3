create or replace table `my-project`.`analytics`.`target__sluice_stage`
options (expiration_timestamp = timestamp_add(current_timestamp(), interval 24 hour)) as
select * from main.input;

alter table `my-project`.`analytics`.`target` add column if not exists `extra` INT64;

begin transaction;

select case when found.n > 0 then error('unique_key (id) is NULL in the model\'s rows: ' || cast(found.n as string) || ' rows') end
from (select count(*) as n from `my-project`.`analytics`.`target__sluice_stage` where `id` is null) as found;

select case when found.n > 0 then error('unique_key (id) stands more than once in the model\'s rows, surplus: ' || cast(found.n as string) || ' rows') end
from (select coalesce(sum(repeated.extra), 0) as n from (select count(*) - 1 as extra from `my-project`.`analytics`.`target__sluice_stage` group by `id` having count(*) > 1) as repeated) as found;

merge into `my-project`.`analytics`.`target` as DBT_INTERNAL_DEST
using `my-project`.`analytics`.`target__sluice_stage` as DBT_INTERNAL_SOURCE
on DBT_INTERNAL_SOURCE.`id` = DBT_INTERNAL_DEST.`id`
when matched and (
  DBT_INTERNAL_DEST.`version` is distinct from DBT_INTERNAL_SOURCE.`version`
  or DBT_INTERNAL_DEST.`label` is distinct from DBT_INTERNAL_SOURCE.`label`
  or DBT_INTERNAL_DEST.`extra` is distinct from DBT_INTERNAL_SOURCE.`extra`
) then update set
  `version` = DBT_INTERNAL_SOURCE.`version`,
  `label` = DBT_INTERNAL_SOURCE.`label`,
  `extra` = DBT_INTERNAL_SOURCE.`extra`
when not matched then insert (`id`, `version`, `label`, `extra`)
values (DBT_INTERNAL_SOURCE.`id`, DBT_INTERNAL_SOURCE.`version`, DBT_INTERNAL_SOURCE.`label`, DBT_INTERNAL_SOURCE.`extra`);

commit transaction;

drop table if exists `my-project`.`analytics`.`target__sluice_stage`;
