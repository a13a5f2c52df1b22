/** Turning what was typed about waves into what the engine takes: engines, rungs, dates. */
import { CHOICE_KINDS, choiceFrom, describeChoice } from '../../core/cutover/choice';
import type { EngineSettings } from '../../core/cutover/engines';
import { engineSettings } from '../../core/cutover/engines';
import { usualRungs, USUAL_ENTRY, type EntryConditions, type Rung } from '../../core/cutover/ladder';
import { misused } from '../../core/failure';
import type { Snapshot } from '../../core/sources/snapshot';
import { readText } from '../text-file';

/** Options that say what leads devices. */
export interface EngineOptions {
  readonly instance?: string[];
  readonly mdmproxy?: string[];
  readonly allowPlainProxy?: boolean;
  readonly proxyCaFile?: string;
}

/**
 * `NAME=MAP,SOCKET`, or with a map file that is reached under another path here `NAME=MAP,SOCKET,FILE`, or carried by
 * hand `NAME=MAP,SOCKET,hand:FILE`; `NAME=URL` for mdmproxy. Null when none was given.
 */
export function engineFrom(options: EngineOptions): EngineSettings | null {
  const { instance, mdmproxy } = options;
  if (instance === undefined && mdmproxy === undefined) return null;
  if (instance !== undefined && mdmproxy !== undefined)
    misused('usage/engine', 'Both HAProxy and mdmproxy were named.', 'One of them leads devices: name only that one.');
  const wished =
    instance !== undefined
      ? { kind: 'haproxy', instances: instance.map(haproxyInstance) }
      : {
          kind: 'mdmproxy',
          instances: (mdmproxy ?? []).map((text) => {
            const [name, url] = halves(text, 'NAME=URL');
            return { name, url, caFile: options.proxyCaFile ?? null, plainConfirmed: options.allowPlainProxy ?? false };
          }),
        };
  const parsed = engineSettings.safeParse(wished);
  if (parsed.success) return parsed.data;
  return misused(
    'usage/engine',
    'What leads devices was named in a way that cannot be used.',
    'HAProxy: --instance lb1=/etc/haproxy/slipway.map,/run/haproxy/slipway.sock; mdmproxy: --mdmproxy p1=https://proxy.example.com',
  );
}

function haproxyInstance(text: string): object {
  const [name, rest] = halves(text, 'NAME=MAP,SOCKET');
  const [map = '', socket = '', place] = rest.split(',');
  const byHand = place?.startsWith('hand:') ?? false;
  return { name, map, socket, file: (byHand ? place?.slice('hand:'.length) : place) ?? null, byHand };
}

function halves(text: string, form: string): [string, string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  return misused('usage/engine', `«${text.slice(0, 60)}» does not say which instance it is.`, `Write it as ${form}.`);
}

/** `95:0`: at least 95 % migrated, at most 0 needing attention. */
function entryFrom(text: string | undefined): EntryConditions {
  if (text === undefined) return USUAL_ENTRY;
  const [, share, attention] = /^(\d{1,3}):(\d{1,6})$/.exec(text) ?? [];
  if (share === undefined || attention === undefined || Number(share) > 100)
    return misused('usage/entry', `«${text.slice(0, 40)}» is no condition.`, 'Write PERCENT:ATTENTION, as in 95:0.');
  return { migrated: Number(share) / 100, attention: Number(attention) };
}

/** An instant or a day (then its end, UTC), milliseconds. */
export function dayFrom(text: string, option: string): number {
  const at = /^\d{4}-\d\d-\d\d$/.test(text)
    ? Date.parse(`${text}T23:59:59Z`)
    : /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)$/.test(text)
      ? Date.parse(text)
      : NaN;
  if (!Number.isNaN(at)) return at;
  return misused('usage/time', `The day given with ${option} is none.`, 'Write it like 2026-12-24.');
}

/** The rungs that were typed; the usual ones around a list of pilots. Null when nothing was typed about them. */
export function rungsFrom(
  options: { readonly pilot?: string; readonly rung?: string[]; readonly entry?: string },
  snapshot: () => Snapshot,
): Rung[] | null {
  const entry = entryFrom(options.entry);
  if (options.rung !== undefined) {
    if (options.pilot !== undefined)
      misused('usage/rung', '--pilot belongs to the usual waves, --rung replaces them.', 'Give one of the two.');
    return options.rung.map((text) => rungFrom(text, entry, snapshot));
  }
  return options.pilot === undefined
    ? null
    : usualRungs(choiceFrom('list', readText('wave file', options.pilot), snapshot), entry);
}

/** `NAME=percentage:25`, `NAME=team:Sales`, `NAME=list:FILE`, `NAME=platform:ios`, `NAME=name:TEXT`, `NAME=ending:DAY`, `NAME=all`. */
function rungFrom(typed: string, entry: EntryConditions, snapshot: () => Snapshot): Rung {
  const at = typed.indexOf('=');
  const name = typed.slice(0, at);
  const [, kind = '', value = ''] = /^([a-z]+)(?::(.*))?$/s.exec(typed.slice(at + 1)) ?? [];
  const wrong = (): never =>
    misused(
      'usage/rung',
      `«${typed.slice(0, 80)}» is no wave.`,
      'Write NAME=percentage:25, NAME=team:Sales, NAME=list:FILE, NAME=platform:ios, NAME=name:TEXT, NAME=ending:2026-12-24 or NAME=all.',
    );
  if (at < 1 || !/^[A-Za-z0-9][A-Za-z0-9 ._%-]{0,59}$/.test(name)) return wrong();
  const known = CHOICE_KINDS.find((one) => one === kind);
  if (known === undefined || (known === 'all' && value !== '')) return wrong();
  const text =
    known === 'list'
      ? readText('wave file', value)
      : known === 'ending'
        ? new Date(dayFrom(value, '--rung')).toISOString()
        : value;
  const choice = choiceFrom(known, text, snapshot);
  return { name, choice, entry };
}

/** A rung in words, for lists. */
export function rungText({ name, choice }: Rung): string {
  return `${name}: ${describeChoice(choice)}`;
}
