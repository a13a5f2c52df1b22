/** What Fleet itself writes when devices call it, statement by statement as the specification tells of it. */
import type { FleetBench } from '../migration/fleet-bench';

export class FleetLife {
  readonly #bench: FleetBench;
  readonly #seenTable: boolean;

  private constructor(bench: FleetBench, seenTable: boolean) {
    this.#bench = bench;
    this.#seenTable = seenTable;
  }

  static async of(bench: FleetBench): Promise<FleetLife> {
    return new FleetLife(bench, (await bench.schema()).seenStorage === 'table');
  }

  /** A poll (Idle, or an answer). */
  async poll(udid: string): Promise<void> {
    await this.#bench.sql(
      this.#seenTable
        ? 'INSERT INTO nano_seen_times (id, seen_time) VALUES (?, CURRENT_TIMESTAMP) ON DUPLICATE KEY UPDATE seen_time = CURRENT_TIMESTAMP'
        : 'UPDATE nano_enrollments SET last_seen_at = CURRENT_TIMESTAMP WHERE id IN (?)',
      [udid],
    );
  }

  async tokenUpdate(udid: string): Promise<void> {
    await this.#bench.sql('UPDATE nano_devices SET token_update_at = CURRENT_TIMESTAMP WHERE id = ?', [udid]);
    await this.#bench.sql(
      `UPDATE nano_enrollments SET enabled = 1, token_update_tally = token_update_tally + 1${this.#seenTable ? '' : ', last_seen_at = CURRENT_TIMESTAMP'} WHERE id = ?`,
      [udid],
    );
    if (this.#seenTable) await this.poll(udid);
  }

  /** MDM turned off in Fleet, or a CheckOut. */
  async disable(udid: string): Promise<void> {
    await this.#bench.sql('UPDATE nano_enrollments SET enabled = 0, token_update_tally = 0 WHERE id = ?', [udid]);
  }

  /** fleetd enrolls (and says every hour whether there is an MDM). */
  async host(udid: string, agent = true, platform = 'darwin'): Promise<number> {
    await this.#bench.sql(
      'INSERT INTO hosts (osquery_host_id, uuid, platform, hardware_serial, orbit_node_key, hostname, computer_name) VALUES (UUID(), ?, ?, ?, IF(?, UUID(), NULL), ?, ?)',
      [udid, platform, `S${udid.slice(0, 8)}`, agent, 'a-mac.local', 'A Mac'],
    );
    const [row] = await this.#bench.sql('SELECT MAX(id) AS id FROM hosts WHERE uuid = ?', [udid]);
    const id = Number(row?.['id']);
    // `enrolled`, and so connected_to_fleet and enrollment_status, are on before the switch as well.
    await this.#bench.sql('INSERT INTO host_mdm (host_id, enrolled, server_url) VALUES (?, 1, ?)', [
      id,
      'https://old/mdm',
    ]);
    return id;
  }

  async unenrolledSaysAgent(udid: string): Promise<void> {
    await this.#bench.sql('UPDATE host_mdm SET enrolled = 0 WHERE host_id IN (SELECT id FROM hosts WHERE uuid = ?)', [
      udid,
    ]);
  }

  /** All that was written so far happened so many minutes ago. */
  async age(minutes: number): Promise<void> {
    const tables = ['nano_devices', 'nano_enrollments', 'nano_users', 'nano_cert_auth_associations'];
    for (const table of tables) {
      await this.#bench.sql(
        `UPDATE ${table} SET created_at = created_at - INTERVAL ? MINUTE, updated_at = IF(updated_at = '2000-01-01', updated_at, updated_at - INTERVAL ? MINUTE)` +
          (table === 'nano_enrollments' && !this.#seenTable
            ? ", last_seen_at = IF(updated_at = '2000-01-01', last_seen_at, last_seen_at - INTERVAL " +
              `${Math.trunc(minutes)} MINUTE)`
            : ''),
        [minutes, minutes],
      );
    }
    if (this.#seenTable) {
      await this.#bench.sql('UPDATE nano_seen_times SET seen_time = seen_time - INTERVAL ? MINUTE', [minutes]);
    }
    await this.#bench.sql('UPDATE host_mdm SET updated_at = updated_at - INTERVAL ? MINUTE', [minutes]);
  }
}
