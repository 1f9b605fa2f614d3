import { onTestFinished } from 'vitest';
import { CustomerDirectory } from '../../src/demo/customer-directory.ts';
import {
  startCustomerService,
  type CustomerService,
  type CustomerServiceOptions,
} from '../../src/demo/customer-service.ts';
import { generateCustomers, type Customer } from '../../src/demo/customers.ts';

/** A directory of `count` generated customers; the seed is fixed, so a failing test fails again. */
export function directoryOf(count: number, before = '2026-03-01T00:00:00Z'): CustomerDirectory {
  return new CustomerDirectory(customersOf(count, before));
}

export function customersOf(count: number, before = '2026-03-01T00:00:00Z'): Customer[] {
  return [...generateCustomers(count, { seed: 1, before })];
}

/** A customer service that ends with the test. */
export async function customerServiceForTest(options: CustomerServiceOptions): Promise<CustomerService> {
  const service = await startCustomerService(options);
  onTestFinished(() => service.close());
  return service;
}
