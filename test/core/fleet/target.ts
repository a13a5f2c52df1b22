// How the tests here reach a database, and how they catch failures.
import { FailureError, type Failure } from '../../../src/core/failure';
import type { FleetTarget } from '../../../src/core/fleet/connection';
import { Secret } from '../../../src/core/secret';
import type { Account, TestDatabase } from '../../servers/mysql';

/** The database as a target, for root or for an account made by createAccount; plaintext to loopback unless said. */
export function targetOf(database: TestDatabase, account?: Account, more: Partial<FleetTarget> = {}): FleetTarget {
  const { host, port, user, password } = database.server;
  const secret = account?.password ?? password;
  return {
    address: { host, port, user: account?.user ?? user, database: database.name },
    password: secret === '' ? null : new Secret('password', secret),
    tls: { mode: 'disabled', caFile: null },
    plaintextConfirmed: false,
    mariaDbAllowed: true,
    ...more,
  };
}

/** The failure some work ends with; an error when it does not. */
export async function failureOf(work: () => unknown): Promise<Failure> {
  try {
    await work();
  } catch (error) {
    if (error instanceof FailureError) return error.failure;
    throw error;
  }
  throw new Error('it did not fail');
}
