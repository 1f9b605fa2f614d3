drop table if exists `sluice-test`.`analytics`.`current_customer__sluice_stage`
