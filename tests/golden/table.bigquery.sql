create or replace table `my-project`.`analytics`.`target`
cluster by `id`
as
select * from main.input;
