select min(`customer_id`), max(`customer_id`) from `sluice-test`.`analytics`.`current_customer__sluice_stage`
