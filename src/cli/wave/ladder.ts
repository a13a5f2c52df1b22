/** `slipway wave ladder` and `show`. */
import { resolve } from 'node:path';
import { engineTitle } from '../../core/cutover/engines';
import { USUAL_ENTRY, changed, findLadder, makeLadder, saveLadder } from '../../core/cutover/ladder';
import { outlasted } from '../../core/cutover/obstacle';
import { readRoutes } from '../../core/cutover/routes';
import { rungsOf } from '../../core/cutover/wave-move';
import { misused } from '../../core/failure';
import { operatorHere } from '../../core/migration/journal';
import { printSource } from '../../core/sources';
import type { Snapshot } from '../../core/sources/snapshot';
import { EXIT } from '../exit-code';
import { clockFrom } from '../input';
import { readJudged, sourceNamed } from '../source-reading';
import { counted, plain, print, printJson, styled, table } from '../terminal';
import { dayFrom, engineFrom, rungText, rungsFrom } from './input';
import { type WaveOptions, missing, open } from './opening';
import { routeLines, routesJson } from './routes';

export async function ladder(options: WaveOptions): Promise<number> {
  const path = resolve(options.ladder);
  const there = await findLadder(path);
  const engine = engineFrom(options);
  const source = options.source ?? there?.source ?? missing('--source', 'the source');
  let snapshot: { snapshot: Snapshot; ends: (at: number) => string[] } | null = null;
  const read = async (): Promise<void> => {
    const judged = await readJudged(source, options);
    snapshot = { snapshot: judged.snapshot, ends: (at) => outlasted(judged.snapshot, judged.judgement, at) };
  };
  if (options.pilot !== undefined || options.rung !== undefined || options.certificatesFirst === true || there === null)
    await read();
  const found = (): { snapshot: Snapshot; ends: (at: number) => string[] } =>
    snapshot ?? missing('--source', 'the source');
  let rungs = rungsFrom(options, () => found().snapshot);
  const ends =
    options.ends === undefined
      ? there === null
        ? missing('--ends', 'the day the last wave has moved')
        : Date.parse(there.ends)
      : dayFrom(options.ends, '--ends');
  if (options.entry !== undefined && rungs === null)
    misused('usage/entry', '--entry says nothing without --pilot or --rung.', 'Give the waves as well.');
  if (options.certificatesFirst === true) {
    const endangered = found().ends(ends);
    const others = (rungs ?? there?.rungs ?? []).filter(({ name }) => name !== FIRST);
    if (endangered.length > 0)
      rungs = [
        { name: FIRST, choice: { kind: 'list', udids: endangered }, entry: others[0]?.entry ?? USUAL_ENTRY },
        ...others,
      ];
  }
  const change = [
    ...(there === null ? ['made'] : []),
    ...(rungs === null ? [] : [`waves: ${rungs.map(rungText).join('; ')}`]),
    ...(engine === null ? [] : [`led by ${engineTitle(engine)}`]),
    ...(options.ends === undefined ? [] : [`ends ${new Date(ends).toISOString()}`]),
  ];
  if (there !== null && change.length === 0)
    misused('usage/wrong', 'Nothing was said to change about the ladder.', 'wave show shows it.');
  const by = { at: clockFrom(options), ...operatorHere(), change: change.join('; ') };
  const reference = printSource(sourceNamed(source, options));
  const made =
    there === null
      ? makeLadder(
          {
            source: reference,
            engine: engine ?? missing('--instance or --mdmproxy', 'what leads devices'),
            ends,
            rungs: rungs ?? missing('--pilot or --rung', 'who moves first'),
          },
          by,
        )
      : changed(
          there,
          {
            source: reference,
            ends: new Date(ends).toISOString(),
            ...(engine === null ? {} : { engine }),
            ...(rungs === null ? {} : { rungs }),
          },
          by,
        );
  await saveLadder(path, made);
  if (options.json === true) await printJson({ schema: 1, path, ladder: made });
  else
    await print(
      `${there === null ? 'Made' : 'Changed'} the ladder ${plain(path)} (revision ${made.revision}):`,
      ...table(made.rungs.map((rung) => [rungText(rung)])),
    );
  return EXIT.fine;
}

/** The wave of devices whose certificate ends too early. */
const FIRST = 'certificates';

export async function show(options: WaveOptions): Promise<number> {
  const { ladder: made, standing, engine } = await open(options);
  const routes = await readRoutes(engine, standing);
  const rungs = rungsOf(made, standing);
  const document = {
    schema: 1,
    revision: made.revision,
    source: made.source,
    engine: made.engine.kind,
    ends: made.ends,
    rungs: rungs.map(({ rung, state, moved, last }) => ({
      name: rung.name,
      choice: rung.choice.kind,
      entry: rung.entry,
      state,
      moved: moved.length,
      left: last?.left.length ?? 0,
      at: last?.routedAt ?? null,
      by: last?.operator ?? null,
    })),
    routes: routesJson(routes),
  };
  if (options.json === true) await printJson(document);
  else {
    await print(
      `${styled('Ladder', 'bold')} ${plain(options.ladder)}, revision ${made.revision}, ends ${made.ends.slice(0, 10)}, led by ${engineTitle(made.engine)}`,
      ...table(
        rungs.map(({ rung, state, moved, last }) => [
          STATES[state],
          rungText(rung),
          moved.length > 0 ? `${counted(moved.length, 'device')} at Fleet` : '',
          last === null || last.left.length === 0 ? '' : `${last.left.length} stayed behind`,
          last?.routedAt == null ? '' : `${last.routedAt.slice(0, 16).replace('T', ' ')} UTC, ${last.operator}`,
        ]),
      ),
      '',
      ...routeLines(routes),
    );
  }
  return routes.problems.length === 0 ? EXIT.fine : EXIT.found;
}

const STATES = { waiting: '·', moving: '…', moved: '✓', back: '↩' } as const;
