import { knownSchema } from '../../core/fleet/probe';
import { writeMigrationSql } from '../../core/migration/sql';
import { sqlInputOf } from '../../core/migration/sql-input';
import { parseTeamMap, teamResolver } from '../../core/migration/team-map';
import { cautionsOf, goesIn } from '../../core/migration/verdict';
import { parseWave } from '../../core/migration/wave';
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
  const candidates = judgement.devices.filter(
    ({ device }) => device.udid !== null && (wave === null || wave.has(device.udid)),
  );
  const devices = candidates.filter((judged) => goesIn(judged, accepted));

  const progress = progressLine(options.json === true);
  const written = await writeMigrationSql(options.out, sqlInputOf({ snapshot, judgement, schema, devices, teamOf }), {
    overwrite: options.overwrite ?? false,
    onProgress: progress.onProgress,
    ...(options.undo === undefined ? {} : { undoPath: options.undo }),
  }).finally(progress.end);

  const left = candidates.filter((judged) => !goesIn(judged, accepted));
  const held = new Map<string, number>();
  for (const judged of left) {
    const codes =
      judged.verdict === 'blocked'
        ? judged.reasons.filter((reason) => reason.severity === 'block').map((reason) => reason.code)
        : cautionsOf(judged).filter((code) => !accepted.has(code));
    for (const code of new Set(codes)) held.set(code, (held.get(code) ?? 0) + 1);
  }
  const blocked = left.filter((judged) => judged.verdict === 'blocked').length;

  if (options.json === true) {
    await printJson({
      schema: 1,
      generation: schema.generation,
      file: { path: options.out, size: written.bytes },
      undo: written.undo === null ? null : { path: options.undo, size: written.undo.bytes },
      counts: { written: written.devices, users: written.userChannels, held: left.length - blocked, blocked },
      leftOut: Object.fromEntries(held),
    });
    return EXIT.fine;
  }
  await print(
    `${counted(written.devices, 'device')} and ${counted(written.userChannels, 'user channel')} written to ${plain(options.out)} for Fleet ${schema.generation}.`,
    `${written.bytes.toLocaleString('en')} bytes, mode 0600: it holds secrets.`,
  );
  if (left.length > 0) {
    await print(
      `Left out: ${blocked} blocked, ${left.length - blocked} held for a caution that was not accepted:`,
      ...table([...held].map(([code, count]) => [String(count), code])),
    );
  }
  tell('This file asks nothing of Fleet’s hosts: Macs without Fleet’s agent are in it. `slipway plan` tells which.');
  return EXIT.fine;
}
