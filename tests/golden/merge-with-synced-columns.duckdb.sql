begin transaction;

create or replace temp table "main.target" as
select * from main.input;

select case when found.n > 0 then error('unique_key (id) is NULL in the model''s rows: ' || cast(found.n as varchar) || ' rows') end
from (select count(*) as n from "temp"."main"."main.target" where "id" is null) as found;

select case when found.n > 0 then error('unique_key (id) stands more than once in the model''s rows, surplus: ' || cast(found.n as varchar) || ' rows') end
from (select coalesce(sum(repeated.extra), 0) as n from (select count(*) - 1 as extra from "temp"."main"."main.target" group by "id" having count(*) > 1) as repeated) as found;

alter table "main"."target" add column if not exists "extra" INTEGER;

alter table "main"."target" drop column if exists "version";

alter table "main"."target" alter column "id" set data type BIGINT;

merge into "main"."target" as DBT_INTERNAL_DEST
using "temp"."main"."main.target" as DBT_INTERNAL_SOURCE
on DBT_INTERNAL_SOURCE."id" = DBT_INTERNAL_DEST."id"
when matched and (
  DBT_INTERNAL_DEST."label" is distinct from DBT_INTERNAL_SOURCE."label"
  or DBT_INTERNAL_DEST."extra" is distinct from DBT_INTERNAL_SOURCE."extra"
) then update set
  "label" = DBT_INTERNAL_SOURCE."label",
  "extra" = DBT_INTERNAL_SOURCE."extra"
when not matched then insert ("id", "label", "extra")
values (DBT_INTERNAL_SOURCE."id", DBT_INTERNAL_SOURCE."label", DBT_INTERNAL_SOURCE."extra");

drop table "temp"."main"."main.target";

commit;
