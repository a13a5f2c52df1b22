/** `slipway wave`: the ladder, what leads devices, and moving them a few at a time. */
import { deviceView, knownPaths } from '../../core/cutover/device-view';
import { haproxyWaves, memoryFrom } from '../../core/cutover/haproxy-waves';
import { isWithin, percentileOf } from '../../core/cutover/percentage';
import { misused } from '../../core/failure';
import { refuseExisting, writePrivate } from '../../core/private-file';
import { EXIT } from '../exit-code';
import { refuseForeign } from '../input';
import { readJudged } from '../source-reading';
import { counted, plain, print, printJson } from '../terminal';
import { back } from '../wave/back';
import { ladder, show } from '../wave/ladder';
import { next, plan, wake } from '../wave/moving';
import { type WaveOptions, missing } from '../wave/opening';
import { setAgain, where } from '../wave/routes';

type Action = 'ladder' | 'show' | 'plan' | 'next' | 'back' | 'wake' | 'where' | 'set' | 'check' | 'config';

const MOVING: readonly Action[] = ['plan', 'next', 'back', 'wake'];
const LEADING: readonly Action[] = ['show', 'plan', 'next', 'back', 'where', 'set'];

const OWNERS: Readonly<Record<string, readonly Action[]>> = {
  source: [...MOVING, 'ladder', 'config'],
  ends: ['ladder'],
  pilot: ['ladder'],
  rung: ['ladder'],
  entry: ['ladder'],
  certificatesFirst: ['ladder'],
  instance: ['ladder'],
  mdmproxy: ['ladder'],
  proxyCaFile: ['ladder'],
  allowPlainProxy: ['ladder'],
  wave: MOVING,
  only: ['back', 'wake'],
  proxyTokenFile: LEADING,
  copied: ['next', 'back', 'set'],
  teamMap: ['plan', 'next'],
  staging: ['next'],
  backupBy: ['next'],
  renewalSetBy: ['next'],
  wake: ['next', 'plan', 'wake'],
  pushUrl: ['next', 'plan', 'wake'],
  pushCaFile: ['next', 'plan', 'wake'],
  allowPlainPush: ['next', 'plan', 'wake'],
  fleet: MOVING,
  fleetUrl: ['next', 'plan', 'wake', 'config'],
  percentage: ['check'],
  oldHost: ['config'],
  oldUrl: ['config'],
  map: ['config'],
  socket: ['config'],
  memory: ['config'],
  tlsFile: ['config'],
  trustFile: ['config'],
  log: ['config'],
  out: ['config'],
  overwrite: ['config'],
  yes: ['next', 'back', 'wake', 'set'],
};

/** Runs one of the actions. */
export async function run(action: Action, names: string[], options: WaveOptions): Promise<number> {
  refuseForeign('wave', action, options, OWNERS);
  if (names.length > 0 && action !== 'check' && action !== 'where')
    misused(
      'usage/wrong',
      `\`wave ${action}\` takes no names.`,
      'Name devices in a file; the source is given with --source.',
    );
  switch (action) {
    case 'ladder':
      return ladder(options);
    case 'show':
      return show(options);
    case 'plan':
      return plan(options);
    case 'next':
      return next(options);
    case 'back':
      return back(options);
    case 'wake':
      return wake(options);
    case 'where':
      return where(names, options);
    case 'set':
      return setAgain(options);
    case 'check':
      return checkPercentage(names, options);
    case 'config':
      return config(options);
  }
}

async function checkPercentage(names: readonly string[], options: WaveOptions): Promise<number> {
  const text = options.percentage ?? missing('--percentage', 'the percentage');
  if (!/^\d{1,3}$/.test(text) || Number(text) > 100)
    misused('usage/percentage', `«${text.slice(0, 40)}» is no percentage.`, 'Give a whole number from 0 to 100.');
  if (names.length === 0) misused('usage/wrong', 'No UDID was given.', 'slipway wave check --percentage 10 UDID…');
  const percentage = Number(text);
  const devices = names.map((udid) => ({ udid, place: percentileOf(udid), in: isWithin(udid, percentage) }));
  if (options.json === true) await printJson({ schema: 1, percentage, devices });
  else await print(...devices.map((device) => `${plain(device.udid)} ${device.in ? 'in' : 'out'}`));
  return EXIT.fine;
}

async function config(options: WaveOptions): Promise<number> {
  if (options.out !== undefined) refuseExisting(options.out, options.overwrite);
  const snapshot = options.source === undefined ? null : (await readJudged(options.source, options)).snapshot;
  const view = deviceView(snapshot, null);
  const { text, connections, map, socket } = haproxyWaves({
    oldServer: view.oldServer,
    oldHost: options.oldHost ?? view.host ?? missing('--old-host', 'the name devices call'),
    oldUrl: options.oldUrl ?? missing('--old-url', 'the old server’s inner address'),
    fleetUrl: options.fleetUrl ?? missing('--fleet-url', 'Fleet’s own address'),
    paths: knownPaths(view),
    ...(view.port === null ? {} : { port: view.port }),
    files: {
      ...(options.tlsFile === undefined ? {} : { certificate: options.tlsFile }),
      ...(options.trustFile === undefined ? {} : { trust: options.trustFile }),
    },
    map: options.map ?? '/etc/haproxy/slipway.map',
    socket: options.socket ?? '/run/haproxy/slipway.sock',
    memory: memoryFrom(options.memory ?? '2g'),
    ...(options.log === undefined ? {} : { log: options.log }),
  });
  if (options.out !== undefined) await writePrivate(options.out, text, { overwrite: options.overwrite ?? false });
  if (options.json === true)
    await printJson({
      schema: 1,
      for: 'haproxy',
      file: options.out ?? null,
      connections,
      map,
      socket,
      ...(options.out === undefined ? { text } : {}),
    });
  else if (options.out === undefined) await print(text.trimEnd());
  else
    await print(
      `Written to ${plain(options.out)}: ${counted(connections, 'connection')} at once.`,
      `Put it on HAProxy’s machine with an empty ${plain(map)}, check it with haproxy -c -f, then reload.`,
    );
  return EXIT.fine;
}
