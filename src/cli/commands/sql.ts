import { knownSchema } from '../../core/fleet/probe';
import { writeMigrationSql } from '../../core/migration/sql';
import { sqlInputOf } from '../../core/migration/sql-input';
import { parseTeamMap, teamResolver } from '../../core/migration/team-map';
import { cautionsOf, goesIn } from '../../core/migration/verdict';
import { parseWave } from '../../core/migration/wave';
import { chosen } from '../../core/sequence';
import { EXIT } from '../exit-code';
import type { AcceptOptions, SourceOptions } from '../input';
import { readJudged } from '../source-reading';
import { counted, plain, print, printJson, progressLine, table, tell } from '../terminal';
import { readText } from '../text-file';

interface SqlOptions extends SourceOptions, AcceptOptions {
  readonly fleetVersion: string;
  readonly out: string;
  readonly undo?: string;
  readonly teamMap?: string;
  readonly wave?: string;
  readonly overwrite?: boolean;
}

/** `slipway sql SOURCE --fleet-version V --out FILE`: the rows as a SQL file, without a connection. */
export async function run(source: string, options: SqlOptions): Promise<number> {
  const schema = knownSchema(options.fleetVersion);
  const { snapshot, judgement } = await readJudged(source, options);
  const accepted = new Set(options.accept ?? []);
  const wave = options.wave === undefined ? null : parseWave(readText('wave file', options.wave), snapshot);
  const teamOf =
    options.teamMap === undefined
      ? () => null
      : teamResolver(parseTeamMap(readText('team map', options.teamMap)), snapshot, null);
  const left = { blocked: 0, held: 0 };
  const leftOut = new Map<string, number>();
  const devices = chosen(judgement.devices, (judged) => {
    const { udid } = judged.device;
    if (udid === null || (wave !== null && !wave.has(udid))) return false;
    if (goesIn(judged, accepted)) return true;
    const isBlocked = judged.verdict === 'blocked';
    left[isBlocked ? 'blocked' : 'held'] += 1;
    const codes = isBlocked
      ? judged.reasons.filter((reason) => reason.severity === 'block').map((reason) => reason.code)
      : cautionsOf(judged).filter((code) => !accepted.has(code));
    for (const code of new Set(codes)) leftOut.set(code, (leftOut.get(code) ?? 0) + 1);
    return false;
  });

  const progress = progressLine(options.json === true);
  const written = await writeMigrationSql(options.out, sqlInputOf({ snapshot, judgement, schema, devices, teamOf }), {
    overwrite: options.overwrite ?? false,
    onProgress: progress.onProgress,
    ...(options.undo === undefined ? {} : { undoPath: options.undo }),
  }).finally(progress.end);

  if (options.json === true) {
    await printJson({
      schema: 1,
      generation: schema.generation,
      file: { path: options.out, size: written.bytes },
      undo: written.undo === null ? null : { path: options.undo, size: written.undo.bytes },
      counts: { written: written.devices, users: written.userChannels, ...left },
      leftOut: Object.fromEntries(leftOut),
    });
    return EXIT.fine;
  }
  await print(
    `${counted(written.devices, 'device')} and ${counted(written.userChannels, 'user channel')} written to ${plain(options.out)} for Fleet ${schema.generation}.`,
    `${written.bytes.toLocaleString('en')} bytes, mode 0600: it holds secrets.`,
  );
  if (left.blocked + left.held > 0) {
    await print(
      `Left out: ${left.blocked} blocked, ${left.held} held for a caution that was not accepted:`,
      ...table([...leftOut].map(([code, count]) => [String(count), code])),
    );
  }
  tell('This file asks nothing of Fleet’s hosts: Macs without Fleet’s agent are in it. `slipway plan` tells which.');
  return EXIT.fine;
}
