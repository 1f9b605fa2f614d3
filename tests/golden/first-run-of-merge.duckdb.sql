begin transaction;

create or replace table "main"."target"
as
select * from (
select * from main.input
) as DBT_INTERNAL_SOURCE
where (version = 9) is not true;

select case when found.n > 0 then error('unique_key (id) is NULL in the model''s rows: ' || cast(found.n as varchar) || ' rows') end
from (select count(*) as n from "main"."target" where "id" is null) as found;

select case when found.n > 0 then error('unique_key (id) stands more than once in the model''s rows, surplus: ' || cast(found.n as varchar) || ' rows') end
from (select coalesce(sum(repeated.extra), 0) as n from (select count(*) - 1 as extra from "main"."target" group by "id" having count(*) > 1) as repeated) as found;

commit;
