select seq, manifest, replayed_at, first_event_at, last_event_at from `sluice-test`.`analytics_raw`.`_sluice_batches` where job = 'customer' order by seq
