/** What the actions of `slipway wave` have in common: their options, the ladder with its journal, what leads devices. */
import { resolve } from 'node:path';
import { type EngineSettings, openEngine } from '../../core/cutover/engines';
import type { Hands, RouteEngine } from '../../core/cutover/engines/engine';
import { type Ladder, journalsOf, plansOf, readLadder, wavesJournalOf } from '../../core/cutover/ladder';
import { type WaveStanding, readWaves, standingOf } from '../../core/cutover/wave-journal';
import { misused } from '../../core/failure';
import { type AcceptOptions, type FleetOptions, type SourceOptions, confirm } from '../input';
import { secretFrom } from '../secret-input';
import { readText } from '../text-file';
import type { WakeOptions } from './fleet';
import type { EngineOptions } from './input';

export interface WaveOptions extends SourceOptions, FleetOptions, AcceptOptions, EngineOptions, WakeOptions {
  readonly ladder: string;
  readonly source?: string;
  readonly ends?: string;
  readonly pilot?: string;
  readonly rung?: string[];
  readonly entry?: string;
  readonly certificatesFirst?: boolean;
  readonly wave?: string;
  readonly only?: string;
  readonly proxyTokenFile?: string;
  readonly copied?: string[];
  readonly teamMap?: string;
  readonly staging?: boolean;
  readonly backupBy?: string;
  readonly renewalSetBy?: string;
  readonly yes?: boolean;
  readonly percentage?: string;
  readonly oldHost?: string;
  readonly oldUrl?: string;
  readonly map?: string;
  readonly socket?: string;
  readonly memory?: string;
  readonly tlsFile?: string;
  readonly trustFile?: string;
  readonly log?: string;
  readonly out?: string;
  readonly overwrite?: boolean;
}

export interface Opened {
  readonly ladder: Ladder;
  readonly waves: string;
  readonly journals: string;
  readonly plans: string;
  readonly standing: WaveStanding;
  readonly engine: RouteEngine;
}

export async function open(options: WaveOptions, tokenNeeded = true): Promise<Opened> {
  const path = resolve(options.ladder);
  const made = await readLadder(path);
  const waves = wavesJournalOf(path);
  return {
    ladder: made,
    waves,
    journals: journalsOf(path),
    plans: plansOf(path),
    standing: standingOf((await readWaves(waves)).lines),
    engine: openEngine(made.engine, tokenNeeded ? secretsOf(made.engine, options) : {}),
  };
}

function secretsOf(settings: EngineSettings, options: WaveOptions): Parameters<typeof openEngine>[1] {
  if (settings.kind !== 'mdmproxy') return {};
  const token = secretFrom('mdmproxy token', options.proxyTokenFile, 'SLIPWAY_PROXY_TOKEN');
  return token === null ? {} : { token };
}

/** Map files the operator carries: `--copied NAME=SHA256` says that one is there. */
export function handsFrom({ copied, yes }: WaveOptions): Hands {
  const given = new Map(
    (copied ?? []).map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]),
  );
  return {
    async copied({ instance, path, target, sha256 }) {
      const said = given.get(instance);
      if (said !== undefined) return said;
      if (yes === true || !process.stdin.isTTY) return null;
      const there = await confirm(
        `Copy ${path} to ${target} on ${instance} now, and run sha256sum on it there. It must say ${sha256}.`,
        sha256.slice(0, 12),
        false,
      );
      return there ? sha256 : null;
    },
  };
}

export function udidsOf(path: string): Set<string> {
  const lines = readText('list of UDIDs', path).split(/\r?\n/);
  return new Set(lines.map((line) => line.replace(/#.*$/, '').trim()).filter((line) => line !== ''));
}

export function missing(option: string, what: string): never {
  return misused('usage/option-needed', `${option} is needed: ${what}.`, `Give ${option}.`);
}
