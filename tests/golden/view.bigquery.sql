create or replace view `my-project`.`analytics`.`fresh` as
select * from main.input;
