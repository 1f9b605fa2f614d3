begin transaction;

create or replace table "main"."target"
as
select * from main.input;

commit;
