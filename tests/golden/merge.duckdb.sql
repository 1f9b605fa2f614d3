begin transaction;

create or replace temp table "main.target" as
select * from main.input;

select case when found.n > 0 then error('unique_key (id) is NULL in the model''s rows: ' || cast(found.n as varchar) || ' rows') end
from (select count(*) as n from "temp"."main"."main.target" where "id" is null) as found;

select case when found.n > 0 then error('unique_key (id) stands more than once in the model''s rows, surplus: ' || cast(found.n as varchar) || ' rows') end
from (select coalesce(sum(repeated.extra), 0) as n from (select count(*) - 1 as extra from "temp"."main"."main.target" group by "id" having count(*) > 1) as repeated) as found;

create or replace temp table "main.target changed" as
with DBT_INTERNAL_MATCHED as materialized (
select coalesce(DBT_INTERNAL_DEST."id", DBT_INTERNAL_SOURCE."id") as "id", DBT_INTERNAL_SOURCE.rowid as __sluice_source, DBT_INTERNAL_DEST.rowid as __sluice_place, (
  DBT_INTERNAL_DEST.rowid is null
  or DBT_INTERNAL_DEST."version" is distinct from DBT_INTERNAL_SOURCE."version"
) as __sluice_differs
from "temp"."main"."main.target" as DBT_INTERNAL_SOURCE
left join "main"."target" as DBT_INTERNAL_DEST on DBT_INTERNAL_SOURCE."id" = DBT_INTERNAL_DEST."id"
)
select DBT_INTERNAL_MATCHED."id", DBT_INTERNAL_MATCHED.__sluice_source, DBT_INTERNAL_MATCHED.__sluice_place from DBT_INTERNAL_MATCHED
where __sluice_differs
union all
select DBT_INTERNAL_MATCHED."id", DBT_INTERNAL_MATCHED.__sluice_source, DBT_INTERNAL_MATCHED.__sluice_place from DBT_INTERNAL_MATCHED
inner join "temp"."main"."main.target" as DBT_INTERNAL_SOURCE on DBT_INTERNAL_SOURCE.rowid = DBT_INTERNAL_MATCHED.__sluice_source
inner join "main"."target" as DBT_INTERNAL_DEST on DBT_INTERNAL_DEST.rowid = DBT_INTERNAL_MATCHED.__sluice_place
where not __sluice_differs and (
  DBT_INTERNAL_DEST."label" is distinct from DBT_INTERNAL_SOURCE."label"
);

delete from "main"."target"
where rowid in (select __sluice_place from "temp"."main"."main.target changed");

insert into "main"."target" ("id", "version", "label")
select "id", "version", "label"
from (
select DBT_INTERNAL_CHANGED."id", DBT_INTERNAL_SOURCE."version", DBT_INTERNAL_SOURCE."label" from "temp"."main"."main.target changed" as DBT_INTERNAL_CHANGED
inner join "temp"."main"."main.target" as DBT_INTERNAL_SOURCE on DBT_INTERNAL_SOURCE.rowid = DBT_INTERNAL_CHANGED.__sluice_source
) as DBT_INTERNAL_SOURCE;

drop table "temp"."main"."main.target changed";

drop table "temp"."main"."main.target";

commit;
