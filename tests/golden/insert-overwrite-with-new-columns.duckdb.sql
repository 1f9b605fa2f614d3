begin transaction;

create or replace temp table "main.target" as
select * from main.input;

select case when found.n > 0 then error('the partition column day is NULL in the model''s rows: ' || cast(found.n as varchar) || ' rows') end
from (select count(*) as n from "temp"."main"."main.target" where "day" is null) as found;

select case when found.n > 0 then error('the model gives rows outside of the planned window 2026-03-02 to 2026-03-02 (day): ' || cast(found.n as varchar) || ' rows' || coalesce(', from ' || cast(found.lowest as varchar) || ' to ' || cast(found.highest as varchar), '')) end
from (select count(*) as n, min("day") as lowest, max("day") as highest from "temp"."main"."main.target" where not ("day" >= date '2026-03-02' and "day" < date '2026-03-03')) as found;

alter table "main"."target" add column if not exists "extra" INTEGER;

delete from "main"."target"
where "day" >= date '2026-03-02' and "day" < date '2026-03-03';

insert into "main"."target" ("day", "id", "label", "extra")
select "day", "id", "label", "extra"
from "temp"."main"."main.target";

drop table "temp"."main"."main.target";

commit;
