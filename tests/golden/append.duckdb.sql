begin transaction;

insert into "main"."target" ("id", "version", "label")
select "id", "version", "label"
from (
select id, version, label from main.input where id > (select max(id) from main.target)
) as model_rows;

commit;
