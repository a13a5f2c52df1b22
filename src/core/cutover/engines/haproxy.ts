/**
 * HAProxy, one or several instances: the map file first, on every one of them, then the running maps, then both read
 * back and compared. A restart at any moment leads devices by the file, which is never behind.
 */
import { randomBytes } from 'node:crypto';
import { chmod, chown, open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { z } from 'zod';
import { attempt, FailureError, refused, unreadable } from '../../failure';
import { formatMap, parseMap, sameRoutes, sha256Of } from '../route-map';
import {
  readingOf,
  type EngineKind,
  type Hands,
  type InstanceRoutes,
  type RouteEngine,
  type RouteProblem,
} from './engine';
import { checkSocket, readRunningMap, readTraffic, replaceRunningMap } from './haproxy-socket';

/** The map’s name goes into runtime commands: what means something there (blank, semicolon, line break) is refused. */
const mapName = z.string().regex(/^\/[A-Za-z0-9_.~/-]{1,400}$/);
const path = z.string().regex(/^\/[^\p{Cc}]{1,400}$/u);

const instanceSchema = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9._-]{1,60}$/),
  /** The map as HAProxy’s configuration names it. */
  map: mapName,
  /** The runtime socket, here: the instance’s own, or one forwarded over SSH. */
  socket: path,
  /**
   * Where the map file is reached from here: null when that is `map` itself. With `byHand` it is written here and
   * carried to the instance by the operator.
   */
  file: path.nullable(),
  byHand: z.boolean(),
});

const settings = z.strictObject({ kind: z.literal('haproxy'), instances: z.array(instanceSchema).min(1).max(20) });

export type HaproxySettings = z.infer<typeof settings>;
type Instance = HaproxySettings['instances'][number];

export const HAPROXY: EngineKind<HaproxySettings> = {
  kind: 'haproxy',
  title: 'HAProxy',
  settings,
  open: ({ instances }) => new HaproxyEngine(instances),
};

/** A map of 100,000 devices has about 5 MB. */
const MOST_BYTES = 64 * 1_048_576;

class HaproxyEngine implements RouteEngine {
  readonly readsBack = true;
  readonly #instances: readonly Instance[];

  constructor(instances: readonly Instance[]) {
    this.#instances = instances;
    for (const { socket } of instances) checkSocket(socket);
  }

  async read(): ReturnType<RouteEngine['read']> {
    const problems: RouteProblem[] = [];
    let traffic: { old: number; fleet: number } | null = { old: 0, fleet: 0 };
    const read = async (instance: Instance): Promise<InstanceRoutes> => {
      const tell = (code: string, sentence: string, remedy: string): void =>
        void problems.push({ code, instance: instance.name, sentence, remedy });
      const running = await attempt(() => readRunningMap(instance.socket, instance.map));
      if (!running.ok) tell('not-readable', running.failure.message, running.failure.remedy);
      const counted = running.ok ? await attempt(() => readTraffic(instance.socket)) : null;
      const counts = counted?.ok === true ? counted.value : null;
      traffic =
        traffic === null || counts === null
          ? null
          : { old: traffic.old + counts.old, fleet: traffic.fleet + counts.fleet };
      const stored = await attempt(async () => {
        const text = await readMapFile(fileOf(instance));
        return text === null ? null : parseMap(text);
      });
      if (!stored.ok) tell('not-readable', stored.failure.message, stored.failure.remedy);
      const foreign = [
        ...(running.ok ? running.value.foreign : []),
        ...(stored.ok ? (stored.value?.foreign ?? []) : []),
      ];
      if (foreign.length > 0)
        tell(
          'foreign-entry',
          `The map of ${instance.name} has ${foreign.length} entr${foreign.length === 1 ? 'y' : 'ies'} Slipway did not write, first «${foreign[0] ?? ''}».`,
          'Find out who wrote it; setting the routes again takes it out.',
        );
      const fleet = running.ok ? running.value.fleet : null;
      // What lies by hand on another machine is known as far as it was written here.
      const kept = stored.ok ? (stored.value?.fleet ?? null) : null;
      if (fleet !== null && (kept === null ? !instance.byHand : !sameRoutes(fleet, kept)))
        tell(
          'stored-differs',
          `The map file of ${instance.name} does not hold what HAProxy leads by: a restart would lead devices elsewhere.`,
          'Set the routes again.',
        );
      return { name: instance.name, running: fleet, stored: kept };
    };
    const instances = [];
    for (const instance of this.#instances) instances.push(await read(instance));
    return readingOf(instances, problems, traffic);
  }

  async lead(
    fleet: ReadonlySet<string>,
    _before: ReadonlySet<string>,
    hands: Hands = {},
  ): ReturnType<RouteEngine['lead']> {
    const text = formatMap(fleet);
    // Everything is asked before anything is changed.
    const before: { instance: Instance; text: string | null; running: ReadonlySet<string> }[] = [];
    for (const instance of this.#instances) {
      const running = (await readRunningMap(instance.socket, instance.map)).fleet;
      before.push({ instance, text: await readMapFile(fileOf(instance)), running });
    }
    const written: typeof before = [];
    const switched: typeof before = [];
    try {
      for (const one of before) {
        if (one.text !== text) await replaceMapFile(fileOf(one.instance), text);
        written.push(one);
      }
      for (const { instance } of before) if (instance.byHand) await carried(instance, text, hands);
      for (const one of before) {
        const done = await attempt(() => replaceRunningMap(one.instance.socket, one.instance.map, fleet));
        // What was refused has changed nothing; what broke off may have.
        if (done.ok || done.failure.code !== 'haproxy/refused') switched.push(one);
        if (!done.ok) throw new FailureError(done.failure);
      }
      const reading = await this.read();
      for (const { name, running, stored } of reading.instances) {
        if (running === null || !sameRoutes(running, fleet) || stored === null || !sameRoutes(stored, fleet))
          refused(
            'haproxy/not-as-set',
            `What ${name} leads by is not what was set.`,
            'Look whether somebody else changes this map.',
          );
      }
      return reading;
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      const split: string[] = [];
      for (const one of switched) {
        const back = await attempt(async () => {
          await replaceRunningMap(one.instance.socket, one.instance.map, one.running);
        });
        if (!back.ok) split.push(one.instance.name);
      }
      for (const one of written) {
        // What waits to be carried by hand stays as it is: it is what the operator has to carry.
        if (one.instance.byHand && error.failure.code === 'wave/copy-needed') continue;
        const back = await attempt(async () =>
          replaceMapFile(fileOf(one.instance), one.text ?? formatMap(one.running)),
        );
        if (!back.ok && !split.includes(one.instance.name)) split.push(one.instance.name);
      }
      const { failure } = error;
      if (split.length === 0)
        throw new FailureError({ ...failure, message: `${failure.message} No route was changed.` }, { cause: error });
      throw new FailureError(
        {
          code: 'wave/routes-split',
          message: `${failure.message} ${split.join(', ')} could not be set back, so the instances may lead devices differently.`,
          remedy: `${failure.remedy} Take ${split.join(', ')} out of service, or set the routes again as soon as it answers.`,
          kind: 'finding',
          detail: { instances: split.join(', ') },
        },
        { cause: error },
      );
    }
  }
}

function fileOf({ file, map }: Instance): string {
  return file ?? map;
}

async function carried(instance: Instance, text: string, { copied }: Hands): Promise<void> {
  const sha256 = sha256Of(text);
  const there = await copied?.({ instance: instance.name, path: fileOf(instance), target: instance.map, sha256 });
  if (there?.toLowerCase() === sha256) return;
  refused(
    'wave/copy-needed',
    there == null
      ? `The map file for ${instance.name} has to be carried there first: a restart would otherwise lose this wave.`
      : `The map file on ${instance.name} is not the one that was written for it.`,
    `Copy ${fileOf(instance)} to ${instance.map} on ${instance.name}, run sha256sum on it there, and give what it says.`,
    { instance: instance.name, sha256 },
  );
}

/** The file's text; null when there is none. Throws `wave/map-file`. */
async function readMapFile(file: string): Promise<string | null> {
  try {
    const { size } = await stat(file);
    if (size > MOST_BYTES) throw Object.assign(new Error('size'), { code: 'EFBIG' });
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    return unreadable(
      'wave/map-file',
      `The map file ${file} cannot be read (${code}).`,
      'Check the path and that you may read and write it.',
      { path: file },
    );
  }
}

/**
 * Replaces the file in one step. It keeps its owner and mode, since HAProxy must be able to read it; a new one can be
 * read by all: UDIDs are no secret. Throws `wave/map-file`.
 */
async function replaceMapFile(file: string, text: string): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.part`;
  try {
    const before = await stat(file).catch(() => null);
    const handle = await open(temporary, 'wx', 0o644);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (before !== null) {
      await chmod(temporary, before.mode & 0o777);
      // Only root may give files away; for everybody else the owner is the same already, or it stays who wrote it.
      await chown(temporary, before.uid, before.gid).catch(() => undefined);
    }
    await rename(temporary, file);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    unreadable(
      'wave/map-file',
      `The map file ${file} cannot be written (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}).`,
      'Check that its folder is there, that you may write to it, and that there is room on the disk.',
      { path: file },
    );
  }
}
