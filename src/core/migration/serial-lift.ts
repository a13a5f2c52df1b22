/** Lifting Fleet's certificate serials above the old CA's: once Fleet has that CA it must never repeat issuer and serial. */
import { nextSerial, type Plan } from './plan';
import type { WritingSession } from './writing-session';

type SerialsStep = NonNullable<Plan['steps']['serials']>;

/** What a journal is told of it. */
export interface SerialEntry {
  readonly kind: 'serial';
  readonly table: string;
  readonly serial: string;
  readonly outcome: 'intended' | 'inserted' | 'there';
}

/** `there`: the counter stood high enough. `not-rehearsed`: it would move for good. */
export type SerialOutcome = 'inserted' | 'there' | 'not-rehearsed';

/**
 * One row above the old CA's serials, in a transaction of its own: an explicit value moves AUTO_INCREMENT at once, and
 * a rollback does not move it back.
 */
export async function liftSerials(
  session: WritingSession,
  journal: { append(entry: SerialEntry): Promise<void> },
  { table, serial }: SerialsStep,
  rehearsal: boolean,
): Promise<SerialOutcome> {
  if (rehearsal) return 'not-rehearsed';
  let outcome: 'inserted' | 'there' = 'there';
  /** It was inserted, and the answer to the commit was lost: a row that stands there then is ours. */
  let perhaps = false;
  await session.transaction(
    async (connection) => {
      outcome = 'there';
      if ((await nextSerial(connection, table)) > BigInt(serial)) {
        // The counter stays lifted even where the row was rolled back.
        const rows = perhaps ? await connection.query(`SELECT serial FROM ${table} WHERE serial = ?`, [serial]) : [];
        if (rows.length > 0) outcome = 'inserted';
        return;
      }
      await journal.append({ kind: 'serial', table, serial, outcome: 'intended' });
      outcome = 'inserted';
      await connection.execute(`INSERT INTO ${table} (serial) VALUES (?)`, [serial]);
    },
    {
      commit: true,
      onOutcome: (came) => {
        perhaps = came === 'unknown' && outcome === 'inserted';
        return Promise.resolve();
      },
    },
  );
  await journal.append({ kind: 'serial', table, serial, outcome });
  return outcome;
}
