begin transaction;

create or replace view "main"."fresh" as
select * from main.input;

commit;
