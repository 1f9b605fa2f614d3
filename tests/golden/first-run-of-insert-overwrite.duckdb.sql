begin transaction;

create or replace table "main"."target"
as
select * from main.input;

select case when found.n > 0 then error('the partition column day is NULL in the model''s rows: ' || cast(found.n as varchar) || ' rows') end
from (select count(*) as n from "main"."target" where "day" is null) as found;

commit;
