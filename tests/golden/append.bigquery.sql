begin transaction;

insert into `my-project`.`analytics`.`target` (`id`, `version`, `label`)
select `id`, `version`, `label`
from (
select id, version, label from main.input where id > (select max(id) from main.target)
) as model_rows;

commit transaction;
