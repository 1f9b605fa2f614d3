create or replace table `sluice-test.analytics_raw._sluice_changed_keys_customer` as select distinct _key from (
    select _key from `sluice-test.analytics_raw.raw_customer_stream`
    where _event_at >= timestamp '2026-03-15 09:30:00.000000+00' and _event_at <= timestamp '2026-03-15 09:30:00.000000+00' and _seq in (3)
) as changed;
