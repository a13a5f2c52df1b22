/** Something in a command's way, at a place of the test's choosing: it stops there, and goes on when the test says so. */
import type { Connection } from 'mysql2/promise';
import { vi } from 'vitest';
import type { TestDatabase } from '../servers/mysql';

/** Somebody else’s transaction, in whose way a command comes. */
export class Obstacle {
  #removed = false;

  private constructor(
    private readonly database: TestDatabase,
    private readonly connection: Connection,
  ) {}

  static async make(database: TestDatabase, statement: string, values: unknown[]): Promise<Obstacle> {
    const connection = await database.connect();
    await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
    await connection.query('BEGIN');
    await connection.query(statement, values);
    return new Obstacle(database, connection);
  }

  /** Waits until a command stands before it. */
  async reached(): Promise<void> {
    // innodb_trx would be simpler, but answers from a cache that is not renewed while it is asked this often.
    const waiting = async (): Promise<boolean> => {
      const rows = await this.database.query(
        `SELECT 1 FROM performance_schema.data_lock_waits w
           JOIN performance_schema.threads t ON t.thread_id = w.requesting_thread_id
         WHERE t.processlist_db = DATABASE()`,
      );
      return rows.length > 0;
    };
    await vi.waitUntil(waiting, { timeout: 30_000, interval: 20 });
  }

  /** Out of the way; may be called twice. */
  async remove(): Promise<void> {
    if (this.#removed) return;
    this.#removed = true;
    await this.connection.query('ROLLBACK');
    await this.connection.end();
  }
}

/** Waits until the session of a command that was ended has come to its end in MySQL too. */
export async function sessionEnded(database: TestDatabase): Promise<void> {
  const free = async (): Promise<boolean> => {
    const [row] = await database.query<{ id: unknown }>('SELECT IS_USED_LOCK(?) AS id', [`slipway:${database.name}`]);
    return row?.id === null;
  };
  await vi.waitUntil(free, { timeout: 30_000, interval: 20 });
}
