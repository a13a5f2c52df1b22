/** The order of Fleet's primary keys. */
import { inOrder, type Sequence } from '../sequence';
import type { Plan } from './plan';

/**
 * Sorts by the id rows are stored under. Written and read in this order, rows lie one behind the other: for 50,000
 * devices that takes MySQL a quarter less time in an apply, and half for a SQL file (docs/performance.md).
 */
export function inKeyOrder<T>(list: Sequence<T>, idOf: (one: T) => string | null): Sequence<T> {
  return inOrder(list, (one) => idOf(one) ?? '');
}

/** A plan as it is best applied and verified: its devices in the order of Fleet's keys. Its id stays. */
export function planInKeyOrder(plan: Plan): Plan {
  return { ...plan, devices: [...inKeyOrder(plan.devices, ({ udid }) => udid)] };
}
