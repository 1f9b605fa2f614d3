select model, mark from `sluice-test.analytics_raw._sluice_models` where job = 'customer'
