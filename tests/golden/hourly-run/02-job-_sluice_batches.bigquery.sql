insert into `sluice-test`.`analytics_raw`.`_sluice_batches` (job, seq, batch_id, manifest, replayed_at, first_event_at, last_event_at, loaded_at)
values ('customer', 3, 'customer-00000003', '<manifest>', null, timestamp '2026-03-15T09:30:00.000000Z', timestamp '2026-03-15T09:30:00.000000Z', current_timestamp())
