/**
 * The commands of NanoMDM's two file stores (spec 6.3): `filekv` keeps each command once and its answers by enrollment,
 * `file` keeps a copy for each enrollment, in folders that say what became of it. Nothing outside the queues is read.
 */
import { MAX_COMMAND } from '../commanded-profiles';
import type { Folder, FolderEntry } from '../../folder';
import { carriesEnrollment, requestTypeOf } from '../command-payload';
import { asDictionary, readPropertyList, textOf } from '../property-list';
import { stateOf, type CommandRecord, type CommandStore } from './command-history';
import type { WaitingRecord } from './store';

/** A status is one word, a type one name. */
const LARGEST_WORD = 128;
/** An answer is looked into for its status alone. */
const LARGEST_ANSWER = 16_777_216;

/** The store that lies in a folder; null where it is neither of the two. */
export async function folderCommands(folder: Folder): Promise<ListedCommands | null> {
  const entries = await folder.list();
  if (entries === null) return null;
  const names = new Set(entries.filter(({ kind }) => kind === 'folder').map(({ name }) => name));
  if (names.has('enrollments') && names.has('cert_auth')) return new KeyValueCommands(folder);
  return entries.some(({ name }) => name === 'CertAuth.txt') ? new FileCommands(folder, entries) : null;
}

/** One command for one enrollment, before its type was asked. */
interface Queued extends CommandRecord {
  /** Where the command itself lies. */
  readonly path: string;
}

/** What both have in common: everything queued is listed first, commands are read when their type is asked for. */
abstract class ListedCommands implements CommandStore {
  #queued: Promise<readonly Queued[]> | null = null;
  readonly #types = new Map<string, string | null>();

  constructor(protected readonly folder: Folder) {}

  async ofTypes(types: readonly string[]): Promise<CommandRecord[]> {
    const found: CommandRecord[] = [];
    for (const queued of await this.#all())
      if (types.includes((await this.#typeOf(queued.path)) ?? '')) found.push(queued);
    return found;
  }

  async withUuids(uuids: readonly string[]): Promise<CommandRecord[]> {
    const wanted = new Set(uuids.map((uuid) => uuid.toUpperCase()));
    return (await this.#all()).filter(({ uuid }) => wanted.has(uuid.toUpperCase()));
  }

  async commands(
    types: readonly string[],
    visit: (uuid: string, requestType: string, command: Buffer | null) => void,
  ): Promise<void> {
    const seen = new Set<string>();
    for (const { uuid, path } of await this.#all()) {
      if (seen.has(uuid)) continue;
      seen.add(uuid);
      const type = await this.#typeOf(path);
      if (type === null || !types.includes(type)) continue;
      const entry = await this.folder.stat(path);
      const tooLarge = entry !== null && entry.size > MAX_COMMAND;
      visit(uuid, type, tooLarge ? null : await this.folder.read(path, MAX_COMMAND));
    }
  }

  /** Everything an enrollment has not answered, or has put off. */
  async waiting(): Promise<WaitingRecord[]> {
    const open = (await this.#all()).filter(({ state }) => state === 'waiting' || state === 'deferred');
    const found: WaitingRecord[] = [];
    for (const { id, path } of open) {
      const requestType = (await this.#typeOf(path)) ?? 'unknown';
      const enrollmentProfile = requestType === 'InstallProfile' && (await this.#carriesEnrollment(path));
      found.push({ id, requestType, enrollmentProfile });
    }
    return found;
  }

  protected abstract list(): Promise<readonly Queued[]>;
  /** The RequestType of the command that lies there. */
  protected abstract read(path: string): Promise<string | null>;

  async #carriesEnrollment(path: string): Promise<boolean> {
    const entry = await this.folder.stat(path);
    // What cannot be looked into may be one.
    if (entry === null || entry.size > MAX_COMMAND) return entry !== null;
    const command = await this.folder.read(path, MAX_COMMAND);
    return command !== null && carriesEnrollment(command);
  }

  #all(): Promise<readonly Queued[]> {
    this.#queued ??= this.list();
    return this.#queued;
  }

  async #typeOf(path: string): Promise<string | null> {
    const known = this.#types.get(path);
    if (known !== undefined) return known;
    const type = await this.read(path);
    this.#types.set(path, type);
    return type;
  }
}

/** `<id>.<uuid>.queueitem.status`, `<id>.queuekey.queue.first`, `<id>.<uuid>.queueitem.next`, `<uuid>.raw`. */
class KeyValueCommands extends ListedCommands {
  protected async list(): Promise<Queued[]> {
    const raws = new Map<string, { path: string; modified: number }>();
    const statuses: { id: string; uuid: string; path: string; modified: number }[] = [];
    const firsts: { id: string; path: string }[] = [];
    const nexts = new Map<string, string>();
    for await (const { path, name, modified } of this.#files()) {
      const [, id = '', uuid = '', what = ''] = /^(.+)\.([^.]+)\.queueitem\.(status|next)$/.exec(name) ?? [];
      if (what === 'status') statuses.push({ id, uuid, path, modified });
      else if (what === 'next') nexts.set(`${id}\n${uuid}`, path);
      else if (name.endsWith('.queuekey.queue.first'))
        firsts.push({ id: name.slice(0, -'.queuekey.queue.first'.length), path });
      else if (name.endsWith('.raw')) raws.set(name.slice(0, -'.raw'.length), { path, modified });
    }
    const queued: Queued[] = [];
    const answered = new Set<string>();
    const add = (id: string, uuid: string, state: CommandRecord['state'], answeredAt: number | null): void => {
      const raw = raws.get(uuid);
      if (raw !== undefined) queued.push({ id, uuid, state, answeredAt, queuedAt: raw.modified, path: raw.path });
    };
    for (const { id, uuid, path, modified } of statuses) {
      const status = await this.#word(path);
      if (status === null) continue;
      answered.add(`${id}\n${uuid}`);
      add(id, uuid, stateOf(status, true), modified);
    }
    // What waits hangs together as a list; a damaged one must not be followed for ever.
    for (const { id, path } of firsts) {
      const seen = new Set<string>();
      let uuid = await this.#word(path);
      while (uuid !== null && !seen.has(uuid)) {
        seen.add(uuid);
        if (!answered.has(`${id}\n${uuid}`)) add(id, uuid, 'waiting', null);
        const next = nexts.get(`${id}\n${uuid}`);
        uuid = next === undefined ? null : await this.#word(next);
      }
    }
    return queued;
  }

  protected read(path: string): Promise<string | null> {
    return this.#word(path.replace(/\.raw$/, '.req_type'));
  }

  async *#files(): AsyncGenerator<FolderEntry & { readonly path: string }> {
    for (const outer of (await this.folder.list('queue')) ?? []) {
      if (outer.kind !== 'folder') continue;
      for (const inner of (await this.folder.list(`queue/${outer.name}`)) ?? []) {
        if (inner.kind !== 'folder') continue;
        const place = `queue/${outer.name}/${inner.name}`;
        for (const entry of (await this.folder.list(place)) ?? [])
          if (entry.kind === 'file') yield { ...entry, path: `${place}/${entry.name}` };
      }
    }
  }

  async #word(path: string): Promise<string | null> {
    const bytes = await this.folder.read(path, LARGEST_WORD);
    return bytes === null || bytes.length === 0 ? null : bytes.toString('utf8');
  }
}

const QUEUES = ['Queue', 'QueueNotNow', 'QueueDone', 'QueueInactive'] as const;

/** `<id>/Queue/<uuid>.plist`; answers beside them as `<uuid>.result.plist`. */
class FileCommands extends ListedCommands {
  constructor(
    folder: Folder,
    private readonly entries: readonly FolderEntry[],
  ) {
    super(folder);
  }

  protected async list(): Promise<Queued[]> {
    const queued: Queued[] = [];
    for (const { name: id, kind } of this.entries) {
      if (kind !== 'folder') continue;
      for (const queue of QUEUES) {
        const place = `${id}/${queue}`;
        for (const { name, modified, kind: what } of (await this.folder.list(place)) ?? []) {
          if (what !== 'file' || !name.endsWith('.plist') || name.endsWith('.result.plist')) continue;
          const uuid = name.slice(0, -'.plist'.length);
          const answer = `${place}/${uuid}.result.plist`;
          queued.push({
            id,
            uuid,
            path: `${place}/${name}`,
            queuedAt: modified,
            ...(await this.#became(queue, answer)),
          });
        }
      }
    }
    return queued;
  }

  protected async read(path: string): Promise<string | null> {
    const entry = await this.folder.stat(path);
    if (entry === null || entry.size > MAX_COMMAND) return null;
    const command = await this.folder.read(path, MAX_COMMAND);
    return command === null ? null : requestTypeOf(command);
  }

  async #became(queue: (typeof QUEUES)[number], answer: string): Promise<Pick<CommandRecord, 'state' | 'answeredAt'>> {
    if (queue === 'Queue') return { state: 'waiting', answeredAt: null };
    if (queue === 'QueueNotNow') return { state: 'deferred', answeredAt: null };
    if (queue === 'QueueInactive') return { state: 'dropped', answeredAt: null };
    const entry = await this.folder.stat(answer);
    if (entry === null || entry.size > LARGEST_ANSWER) return { state: 'refused', answeredAt: entry?.modified ?? null };
    const root = asDictionary(readPropertyList((await this.folder.read(answer, LARGEST_ANSWER)) ?? Buffer.alloc(0)));
    return { state: stateOf(root === null ? 'unreadable' : textOf(root, 'Status'), true), answeredAt: entry.modified };
  }
}
