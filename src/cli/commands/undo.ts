import { basename, dirname, join, resolve } from 'node:path';
import { openEngine } from '../../core/cutover/engines';
import { findLadder, readLadder, wavesJournalOf } from '../../core/cutover/ladder';
import { routedToFleet } from '../../core/cutover/routes';
import { readWaves, standingOf } from '../../core/cutover/wave-journal';
import { connectFleet } from '../../core/fleet/connection';
import { probeSchema } from '../../core/fleet/probe';
import { findJournals } from '../../core/migration/journal';
import { undoJournal, type UndoResult } from '../../core/migration/undo';
import { EXIT } from '../exit-code';
import { fleetTarget } from '../fleet-opening';
import { confirm, type AcceptOptions, type CommonOptions, type FleetOptions } from '../input';
import { stopOnSignal } from '../interrupt';
import { secretFrom } from '../secret-input';
import { plain, print, printJson, progressLine, styled, table, tell } from '../terminal';
import { readText } from '../text-file';

interface UndoOptions extends CommonOptions, FleetOptions, AcceptOptions {
  readonly fleet: string;
  readonly rehearse?: boolean;
  readonly routed?: string;
  readonly ladder?: string;
  readonly proxyTokenFile?: string;
  readonly only?: string;
  readonly yes?: boolean;
}

/** `slipway undo JOURNAL --fleet …`: take back what an apply inserted and nothing has touched since. */
export async function run(journal: string, options: UndoOptions): Promise<number> {
  const target = fleetTarget(options.fleet, options);
  const database = target.address.database;
  const question =
    `${options.rehearse === true ? 'Rehearse taking back' : 'Take back'} what ${plain(journal)} inserted into ${plain(database)} at ${plain(target.address.host)}. ` +
    'Devices that Fleet or the device itself has touched are left; a device that was taken back is refused by Fleet until it is imported again.';
  if (!(await confirm(question, database, options.yes))) {
    tell('Nothing was changed.');
    return EXIT.found;
  }
  const progress = progressLine(options.json === true);
  const stop = stopOnSignal();
  const result = await undoJournal({
    journal: resolve(journal),
    earlier: (await findJournals(dirname(resolve(journal)))).map((found) => found.path),
    connect: () => connectFleet(target, 'write'),
    probe: probeSchema,
    atFleet: new Set([
      ...(options.routed === undefined ? [] : udidsOf(options.routed)),
      ...(await routedByLadder(journal, options)),
    ]),
    ...(options.only === undefined ? {} : { only: udidsOf(options.only) }),
    rehearse: options.rehearse ?? false,
    reason: options.reason ?? null,
    accepted: new Set(options.accept ?? []),
    signal: stop.signal,
    onProgress: progress.onProgress,
  }).finally(() => {
    stop.end();
    progress.end();
  });
  if (options.json === true) await printJson({ schema: 1, ...result });
  else await printUndo(result);
  if (result.state === 'stopped') return EXIT.interrupted;
  return result.counts.left === 0 ? EXIT.fine : EXIT.found;
}

/**
 * Devices a ladder's engine leads to Fleet, asked of it now. Without --ladder the one beside the journal counts: rows of
 * devices that go to Fleet must not be taken back because an option was forgotten.
 */
async function routedByLadder(journal: string, { ladder, proxyTokenFile }: UndoOptions): Promise<ReadonlySet<string>> {
  const beside = dirname(resolve(journal));
  const home = basename(beside) === 'journals' ? dirname(beside) : beside;
  const path = resolve(ladder ?? join(home, 'ladder.json'));
  const found = ladder === undefined ? await findLadder(path) : await readLadder(path);
  if (found === null) return new Set();
  const token = secretFrom('mdmproxy token', proxyTokenFile, 'SLIPWAY_PROXY_TOKEN');
  const { lines } = await readWaves(wavesJournalOf(path));
  return routedToFleet(openEngine(found.engine, token === null ? {} : { token }), standingOf(lines));
}

function udidsOf(path: string): Set<string> {
  const lines = readText('list of UDIDs', path).split(/\r?\n/);
  return new Set(lines.map((line) => line.replace(/#.*$/, '').trim()).filter((line) => line !== ''));
}

async function printUndo(result: UndoResult): Promise<void> {
  const { counts } = result;
  await print(
    result.rehearsal
      ? styled('Rehearsed; everything was rolled back.', 'bold')
      : styled(result.state === 'stopped' ? 'Stopped; the same command goes on.' : 'Taken back.', 'bold'),
    ...table([
      [String(counts.removed), 'devices removed'],
      [String(counts.gone), 'were gone already'],
      [String(counts.left), 'left as they are'],
    ]),
  );
  for (const device of result.left.slice(0, 20)) {
    await print(
      `  ${styled('!', 'yellow')} ${plain(device.udid)}: ${plain(device.sentence)} ${styled(device.code, 'dim')}`,
    );
  }
  if (result.left.length > 20) await print(`  and ${result.left.length - 20} more (--json lists all)`);
  for (const [name, count] of Object.entries(result.remaining))
    await print(`  · ${count} rows stay in ${name}: they are Fleet’s own.`);
  for (const note of result.notes) await print(`  · ${plain(note)}`);
  await print(`Journal: ${plain(result.journal)}`);
}
