begin transaction;

create or replace temp table "main.target" as
select * from main.input;

select case when found.n > 0 then error('unique_key (id) is NULL in the model''s rows: ' || cast(found.n as varchar) || ' rows') end
from (select count(*) as n from "temp"."main"."main.target" where "id" is null) as found;

delete from "main"."target" as DBT_INTERNAL_DEST
where exists (select 1 from "temp"."main"."main.target" as DBT_INTERNAL_SOURCE where DBT_INTERNAL_SOURCE."id" = DBT_INTERNAL_DEST."id")
and (DBT_INTERNAL_DEST.version < 100);

insert into "main"."target" ("id", "version", "label")
select "id", "version", "label"
from "temp"."main"."main.target";

drop table "temp"."main"."main.target";

commit;
