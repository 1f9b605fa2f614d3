drop table if exists `sluice-test`.`analytics`.`history_customer__sluice_stage`
