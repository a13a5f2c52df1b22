/**
 * What NanoMDM keeps of the commands it sent (spec 6.2): every command as it was queued, for whom, and the device's word on
 * it. Read apart from the snapshot: no migration needs it.
 */
import { CommandedProfiles, MAX_COMMAND, type ProfileCommand } from '../commanded-profiles';
import type { Engine, ReadingSession } from '../../database/reading-session';
import type { OnProgress } from '../../progress';
import type { CommandResult, ProfileCommands } from '../source-kind';

/** One command for one enrollment. */
export interface CommandRecord {
  /** The enrollment's id: a UDID, or `UDID:UserID` for a user channel. */
  readonly id: string;
  readonly uuid: string;
  readonly state: CommandResult['state'];
  /** Seconds since the epoch, for their order alone; null when not answered, or not known. */
  readonly answeredAt: number | null;
  readonly queuedAt: number | null;
}

/** A store of commands, whichever back end. */
export interface CommandStore {
  /** Everything queued of these types. */
  ofTypes(types: readonly string[]): Promise<readonly CommandRecord[]>;
  /** Everything queued under these UUIDs. */
  withUuids(uuids: readonly string[]): Promise<readonly CommandRecord[]>;
  /** The commands of these types themselves, one by one. Those that are too large for any device come with null. */
  commands(
    types: readonly string[],
    visit: (uuid: string, requestType: string, command: Buffer | null) => void,
  ): Promise<void>;
}

const PROFILE_TYPES = ['InstallProfile', 'RemoveProfile'] as const;

/** Profiles that were put on devices by command: what a device acknowledged, and what still waits. */
export async function profileCommandsIn(store: CommandStore): Promise<ProfileCommands> {
  const profiles = new CommandedProfiles();
  const byUuid = new Map<string, ProfileCommand>();
  await store.commands(PROFILE_TYPES, (uuid, requestType, command) => {
    const opened = command === null ? null : profiles.open(requestType, command);
    if (opened !== null) byUuid.set(uuid, opened);
    else if (requestType === 'InstallProfile') profiles.skip();
  });
  const records = await store.ofTypes(PROFILE_TYPES);
  const isAnswered = ({ state }: CommandRecord): boolean => state === 'done';
  const inOrder = records
    .filter(({ state }) => state !== 'refused' && state !== 'dropped')
    .toSorted(
      (a, b) =>
        // What waits comes after what was answered; the database’s times are of whole seconds.
        Number(!isAnswered(a)) - Number(!isAnswered(b)) ||
        (a.answeredAt ?? 0) - (b.answeredAt ?? 0) ||
        (a.queuedAt ?? 0) - (b.queuedAt ?? 0),
    );
  for (const record of inOrder) {
    const command = byUuid.get(record.uuid);
    if (command !== undefined) profiles.note(record.id, command, isAnswered(record));
  }
  return profiles.result(true);
}

/** What became of commands, by their UUIDs. */
export async function commandResultsIn(store: CommandStore, uuids: readonly string[]): Promise<CommandResult[]> {
  const records = await store.withUuids(uuids);
  return records.map(({ id, uuid, state }) => ({ udid: id, uuid, state }));
}

/** What a stored status means; null where none is stored. */
export function stateOf(status: string | null, isActive: boolean): CommandResult['state'] {
  if (status === null) return isActive ? 'waiting' : 'dropped';
  if (status === 'NotNow') return isActive ? 'deferred' : 'dropped';
  return status === 'Acknowledged' ? 'done' : 'refused';
}

const UUIDS_AT_ONCE = 500;
const TABLES = ['enrollment_queue', 'commands', 'command_results', 'enrollments'] as const;

/** The database's tables as a store. Null when the account may not read them. */
export async function databaseCommands(session: ReadingSession, onProgress?: OnProgress): Promise<CommandStore | null> {
  const columns = await session.columns(TABLES);
  return TABLES.every((table) => columns.has(table)) ? new DatabaseCommands(session, onProgress) : null;
}

/** Seconds since the epoch. */
const EPOCH: Readonly<Record<Engine, (column: string) => string>> = {
  mysql: (column) => `UNIX_TIMESTAMP(${column})`,
  postgres: (column) => `EXTRACT(EPOCH FROM ${column})`,
};

class DatabaseCommands implements CommandStore {
  constructor(
    private readonly session: ReadingSession,
    private readonly onProgress: OnProgress | undefined,
  ) {}

  ofTypes(types: readonly string[]): Promise<CommandRecord[]> {
    return this.#records(`c.request_type IN (${listOf(types)})`);
  }

  async withUuids(uuids: readonly string[]): Promise<CommandRecord[]> {
    const ours = uuids.filter((uuid) => /^[0-9a-f-]{36}$/i.test(uuid));
    const records: CommandRecord[] = [];
    for (let at = 0; at < ours.length; at += UUIDS_AT_ONCE)
      records.push(...(await this.#records(`q.command_uuid IN (${listOf(ours.slice(at, at + UUIDS_AT_ONCE))})`)));
    return records;
  }

  async commands(
    types: readonly string[],
    visit: (uuid: string, requestType: string, command: Buffer | null) => void,
  ): Promise<void> {
    let done = 0;
    const rows = this.session.rows(
      `SELECT command_uuid AS uuid, request_type AS request_type, CASE WHEN OCTET_LENGTH(command) > ${MAX_COMMAND} THEN NULL ELSE command END AS command ` +
        `FROM commands WHERE request_type IN (${listOf(types)}) ORDER BY command_uuid`,
    );
    for await (const batch of rows) {
      for (const { uuid, request_type: type, command } of batch)
        visit(String(uuid), String(type), command == null ? null : Buffer.from(String(command)));
      done += batch.length;
      this.onProgress?.({ label: 'reading commands', done, total: null });
    }
  }

  /** The enrollment's own spelling of its id: MySQL ties rows whose ids differ in case. */
  async #records(condition: string): Promise<CommandRecord[]> {
    const epoch = EPOCH[this.session.engine];
    const records: CommandRecord[] = [];
    const rows = this.session.rows(
      'SELECT e.id AS id, c.command_uuid AS uuid, CASE WHEN q.active THEN 1 ELSE 0 END AS is_active, r.status AS status, ' +
        `${epoch('r.updated_at')} AS answered, ${epoch('q.created_at')} AS queued FROM enrollment_queue q ` +
        'JOIN enrollments e ON e.id = q.id JOIN commands c ON c.command_uuid = q.command_uuid ' +
        `LEFT JOIN command_results r ON r.id = q.id AND r.command_uuid = q.command_uuid WHERE ${condition} ` +
        'ORDER BY e.id, c.command_uuid',
    );
    for await (const batch of rows)
      for (const { id, uuid, is_active: active, status, answered, queued } of batch)
        records.push({
          id: String(id),
          uuid: String(uuid),
          state: stateOf(status == null ? null : String(status), Number(active) === 1),
          answeredAt: answered == null ? null : Number(answered),
          queuedAt: queued == null ? null : Number(queued),
        });
    return records;
  }
}

/** Only names of types, and UUIDs that were looked at, come here. */
function listOf(values: readonly string[]): string {
  return values.map((value) => `'${value}'`).join(', ');
}
