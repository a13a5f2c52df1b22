/** The engine's way to Fleet's database: from what the operator typed to a connection, kept for a while between questions. */
import { connectFleet, type FleetConnection, type FleetTarget } from '../../core/fleet/connection';
import { probeSchema, type ProbedSchema } from '../../core/fleet/probe';
import { Secret } from '../../core/secret';
import type { FleetAccess } from './protocol';
import type { SampleFleet } from './sample-fleet';

/** A reader is kept open between two looks at a device; a session that nobody uses is not ours to hold. */
const IDLE_MS = 30_000;

export interface OpenFleet {
  readonly connection: FleetConnection;
  readonly schema: ProbedSchema;
}

export class FleetLink {
  /** Gives the pretend Fleet of the sample; it needs the snapshot, which only the workbench has. */
  readonly #sample: () => SampleFleet;
  #open: { readonly key: string; readonly fleet: OpenFleet } | null = null;
  #queue: Promise<unknown> = Promise.resolve();
  #idle: NodeJS.Timeout | null = null;

  constructor(sample: () => SampleFleet) {
    this.#sample = sample;
  }

  /** Reads over the kept connection, one reader after the other. */
  read<T>(access: FleetAccess, work: (fleet: OpenFleet) => Promise<T>): Promise<T> {
    const turn = this.#queue.then(() => this.#readNow(access, work));
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  /** A connection for writing, as apply and undo open their own. */
  write(access: FleetAccess): Promise<FleetConnection> {
    return access.kind === 'sample' ? Promise.resolve(this.#sample()) : connectFleet(targetOf(access), 'write');
  }

  /** A connection for reading beside the kept one, which a look at a device may need meanwhile. */
  reader(access: FleetAccess): Promise<FleetConnection> {
    return access.kind === 'sample' ? Promise.resolve(this.#sample()) : connectFleet(targetOf(access), 'read');
  }

  probe(access: FleetAccess, connection: FleetConnection): Promise<ProbedSchema> {
    return access.kind === 'sample' ? Promise.resolve(this.#sample().schema) : probeSchema(connection);
  }

  /** Says goodbye to a kept connection. */
  async close(): Promise<void> {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
    const open = this.#open;
    this.#open = null;
    await open?.fleet.connection.close();
  }

  async #readNow<T>(access: FleetAccess, work: (fleet: OpenFleet) => Promise<T>): Promise<T> {
    if (access.kind === 'sample') return work({ connection: this.#sample(), schema: this.#sample().schema });
    if (this.#idle !== null) clearTimeout(this.#idle);
    const key = JSON.stringify(access);
    if (this.#open !== null && this.#open.key !== key) await this.close();
    try {
      this.#open ??= { key, fleet: await openReader(access) };
      const done = await work(this.#open.fleet);
      this.#idle = setTimeout(() => void this.close(), IDLE_MS);
      this.#idle.unref();
      return done;
    } catch (error) {
      // What went wrong may have been the connection itself; the next question opens a new one.
      await this.close();
      throw error;
    }
  }
}

async function openReader(access: FleetAccess & { kind: 'mysql' }): Promise<OpenFleet> {
  const connection = await connectFleet(targetOf(access), 'read');
  try {
    return { connection, schema: await probeSchema(connection) };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

function targetOf(access: FleetAccess & { kind: 'mysql' }): FleetTarget {
  const { host, port, user, database, password, tls, caFile, plaintextConfirmed } = access;
  return {
    address: { host, port, user, database },
    password: password === null ? null : new Secret('Fleet database password', password),
    tls: { mode: tls, caFile },
    plaintextConfirmed,
    mariaDbAllowed: false,
  };
}
