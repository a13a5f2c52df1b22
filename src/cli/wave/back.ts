/** `slipway wave back`. */
import { type BackPreview, goBack, prepareBack } from '../../core/cutover/wave-back';
import { probeSchema } from '../../core/fleet/probe';
import { EXIT } from '../exit-code';
import { fleetTarget, withFleetConnection } from '../fleet-opening';
import { confirm, requireAnswer } from '../input';
import { counted, print, printJson, progressLine, styled, table, tell } from '../terminal';
import { freshSource } from './fleet';
import { type WaveOptions, handsFrom, missing, open, udidsOf } from './opening';
import { reasonLines } from './reasons';

export async function back(options: WaveOptions): Promise<number> {
  requireAnswer(options.yes);
  const progress = progressLine(options.json === true);
  try {
    const opened = await open(options);
    const target = fleetTarget(options.fleet ?? missing('--fleet', 'Fleet’s database'), options);
    const { snapshot } = await freshSource(options.source ?? opened.ladder.source, options, progress.onProgress);
    const accepted = new Set(options.accept ?? []);
    const preview = await withFleetConnection(target, 'read', async (connection) =>
      prepareBack({
        waves: opened.waves,
        engine: opened.engine,
        snapshot,
        connection,
        schema: await probeSchema(connection),
        accepted,
        ...(options.wave === undefined ? {} : { rung: options.wave }),
        ...(options.only === undefined ? {} : { udids: udidsOf(options.only) }),
      }),
    );
    progress.end();
    const expected = preview.rung ?? 'back';
    const question = [
      ...(options.json === true ? [] : backLines(preview)),
      'Only routes are changed; Fleet’s rows stay.',
    ].join('\n');
    if (!(await confirm(question, expected, options.yes))) {
      tell('Nothing was changed.');
      return EXIT.found;
    }
    const result = await goBack({
      preview,
      waves: opened.waves,
      engine: opened.engine,
      hands: handsFrom(options),
      accepted,
      reason: options.reason ?? null,
    });
    if (options.json === true) await printJson({ schema: 1, ...backJson(preview), returned: result.returned });
    else {
      if (options.yes === true) await print(...backLines(preview));
      await print(styled(`${counted(result.returned.length, 'device')} now go to the old server.`, 'bold'));
    }
    return preview.staying.length === 0 ? EXIT.fine : EXIT.found;
  } finally {
    progress.end();
  }
}

function backJson(preview: BackPreview): Record<string, unknown> {
  return {
    wave: preview.rung,
    counts: { ...preview.counts, returning: preview.returning.length, staying: preview.staying.length },
    commandTypes: preview.commandTypes,
    staying: preview.staying,
    losses: preview.losses,
  };
}

function backLines(preview: BackPreview): string[] {
  const { counts } = preview;
  return [
    `${styled(preview.rung === null ? 'These devices' : `Wave «${preview.rung}»`, 'bold')} back to the old server: ${counted(preview.returning.length, 'device')} of ${counts.devices.toLocaleString('en')}.`,
    'What going back does not undo:',
    ...table([
      [String(counts.certificatesRenewed), 'have a certificate of Fleet’s that the old server refuses'],
      [String(counts.tokensChanged), 'have new push tokens the old server does not know'],
      [String(counts.devicesWithCommands), `have carried out commands of Fleet (${counts.commands} in all)`],
      [String(counts.queued), 'commands wait in Fleet’s queue and would run when they come again'],
    ]),
    ...(preview.staying.length === 0 ? [] : ['Staying at Fleet:']),
    ...reasonLines(preview.staying),
  ];
}
