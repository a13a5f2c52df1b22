/** What a wave needs of source and Fleet besides what other commands need: a fresh copy, and waking. */
import { oldServerKindOf, openOldServer } from '../../core/commands/old-server';
import { makeWaker, WAKE_WAYS, type Waker } from '../../core/cutover/waker';
import type { FreshSource } from '../../core/cutover/wave-move';
import { misused } from '../../core/failure';
import { judge } from '../../core/migration/verdict';
import type { OnProgress } from '../../core/progress';
import { copySource, parseSource, printSource } from '../../core/sources';
import { clockFrom, copiesFolder, type FleetOptions, type SourceOptions } from '../input';
import { secretFrom } from '../secret-input';
import { readCopy, readOptions, sourceNamed } from '../source-reading';

/** Reads the source again, into a private copy of its own. */
export async function freshSource(text: string, options: SourceOptions, onProgress: OnProgress): Promise<FreshSource> {
  const reference = sourceNamed(text, options);
  const at = clockFrom(options);
  const copy = await copySource(reference, copiesFolder(options), { ...readOptions(options, at), onProgress });
  const snapshot = await readCopy(reference, copy.path, options, at, onProgress);
  return { snapshot, judgement: judge(snapshot, at), at, reference: printSource(reference), copy };
}

/** Options about waking. */
export interface WakeOptions extends FleetOptions, SourceOptions {
  readonly wake?: string;
  readonly pushUrl?: string;
  readonly pushCaFile?: string;
  readonly allowPlainPush?: boolean;
  readonly oldServer?: string;
}

/**
 * Null when nobody is to be woken.
 * @param source the ladder’s, which says what kind of server is asked to push
 */
export function wakerFrom(source: string, options: WakeOptions, onProgress: OnProgress): Waker | null {
  const { fleetUrl, fleetUrlCaFile, pushUrl, wake } = options;
  const token = secretFrom('Fleet API token', options.fleetTokenFile, 'SLIPWAY_FLEET_TOKEN');
  const apiKey = secretFrom('API key', options.apiKeyFile, 'SLIPWAY_API_KEY');
  const wish =
    wake === undefined
      ? null
      : (WAKE_WAYS.find((one) => one === wake) ??
        misused(
          'usage/wake',
          `«${wake.slice(0, 40)}» is no way to wake devices.`,
          `Take one of ${WAKE_WAYS.join(', ')}.`,
        ));
  return makeWaker(
    {
      fleet:
        fleetUrl === undefined || token === null
          ? null
          : { url: { url: fleetUrl, caFile: fleetUrlCaFile ?? null }, token },
      oldServer:
        pushUrl === undefined || apiKey === null
          ? null
          : openOldServer(
              oldServerKindOf(options.oldServer ?? null, parseSource(source).kind),
              {
                who: 'The old server',
                url: pushUrl,
                caFile: options.pushCaFile ?? options.sourceCaFile ?? null,
                plainConfirmed: options.allowPlainPush ?? false,
              },
              apiKey,
            ),
    },
    wish,
    onProgress,
  );
}
