/** The ways in: which kinds of source there are, and how one is named, read, copied and exported. */
import { misused } from '../failure';
import { isCapture, readCapture, writeCapture } from './capture';
import { exportSnapshot } from './export';
import { csv } from './csv/source';
import { microMdm } from './micromdm/source';
import { nanoMdm } from './nanomdm/source';
import { severalSources, severalText } from './several/source';
import type { Snapshot } from './snapshot';
import {
  COMPANIONS,
  type CommandResult,
  type Companion,
  type Companions,
  type ExportedFile,
  type ProfileCommands,
  type ReadOptions,
  type SourceCopy,
  type SourceKind,
  type SourceReference,
} from './source-kind';

export type {
  CommandedProfile,
  CommandResult,
  Companions,
  ProfileCommands,
  ReadOptions,
  SourceReference,
} from './source-kind';

/** Every kind of source. */
const kinds: readonly SourceKind[] = [
  microMdm,
  nanoMdm,
  csv,
  severalSources({ parse: parseSource, print: printSource, read: readSource }),
];

/**
 * Reads how a source is written: `kind:LOCATION`, and after `#` what belongs to it: `#scep-depot=PATH&profile=PATH`.
 * @throws FailureError `usage/source` for an unknown kind, `usage/companion`, `usage/secret-in-url`, `usage/plain-http`,
 *   `usage/source-url`
 */
export function parseSource(text: string): SourceReference {
  const colon = text.indexOf(':');
  const kind = kinds.find(({ name }) => name === text.slice(0, Math.max(0, colon)).toLowerCase());
  if (kind) {
    const { location, companions } = splitCompanions(text.slice(colon + 1), kind);
    return kind.parse(location, companions);
  }
  return misused(
    'usage/source',
    colon > 0 && colon < 20 && !text.slice(0, colon).includes('/')
      ? `There is no kind of source called ${text.slice(0, colon)}.`
      : 'The source does not say what kind it is.',
    `Write one of: ${kinds.flatMap(({ forms }) => forms).join(', ')}.`,
  );
}

/** How a reference is written; {@link parseSource} gives it back. */
export function printSource({ kind, location, companions = {} }: SourceReference): string {
  // In the table's order, so that the same reference is always the same text.
  const written = COMPANIONS.flatMap((name) => {
    const value = companions[name];
    return value === undefined ? [] : [`${name}=${encodeURIComponent(value).replaceAll('%2F', '/')}`];
  });
  return `${kind}:${location}${written.length === 0 ? '' : `#${written.join('&')}`}`;
}

/**
 * Adds what belongs to a source to how it is written.
 * @throws FailureError `usage/companion` where its kind knows no such thing; as {@link parseSource}
 */
export function withCompanions(text: string, more: Companions): string {
  const reference = parseSource(text);
  const kind = kindOf(reference.kind);
  const named = COMPANIONS.filter((name) => more[name] !== undefined);
  for (const name of named) requireCompanion(kind, name);
  if (named.length === 0) return printSource(reference);
  return printSource(kind.parse(reference.location, { ...reference.companions, ...more }));
}

/**
 * Several sources as one, as it is written; the source itself where no others are named.
 * @throws FailureError `usage/several`; as {@link parseSource}
 */
export function withSources(text: string, others: readonly string[]): string {
  return printSource(parseSource(others.length === 0 ? text : severalText([text, ...others])));
}

/** What stands after `#` where the kind has companions and it reads as such; a path may hold a `#` of its own. */
function splitCompanions(text: string, kind: SourceKind): { location: string; companions: Companions } {
  const mark = text.lastIndexOf('#');
  if (mark < 0 || (kind.companions ?? []).length === 0 || !/^[a-z-]+=/.test(text.slice(mark + 1)))
    return { location: text, companions: {} };
  const companions: Partial<Record<Companion, string>> = {};
  for (const part of text.slice(mark + 1).split('&')) {
    const equals = part.indexOf('=');
    const name = COMPANIONS.find((known) => known === part.slice(0, Math.max(0, equals)));
    if (name === undefined)
      return misused(
        'usage/companion',
        'What stands after # in the source is not understood.',
        `Known are: ${(kind.companions ?? []).join(', ')}.`,
      );
    requireCompanion(kind, name);
    try {
      companions[name] = decodeURIComponent(part.slice(equals + 1));
    } catch {
      misused('usage/companion', `The ${name} of the source is not percent-encoded.`, 'Write % as %25.');
    }
  }
  return { location: text.slice(0, mark), companions };
}

function requireCompanion(kind: SourceKind, name: Companion): void {
  if ((kind.companions ?? []).includes(name)) return;
  misused(
    'usage/companion',
    `A ${kind.name} source has no ${name}.`,
    (kind.companions ?? []).length === 0
      ? 'Leave it out: such a source is complete in itself.'
      : `It knows: ${(kind.companions ?? []).join(', ')}.`,
  );
}

/**
 * Reads a source into a snapshot. A source that must be downloaded is kept as a private copy in `options.folder`.
 * @throws FailureError `bolt/…`, `micromdm/…`, `capture/…`, `source/…`, `usage/…`
 */
export async function readSource(reference: SourceReference, options: ReadOptions): Promise<Snapshot> {
  const { kind, transport, location } = reference;
  if (transport === 'file' && (await isCapture(location))) return readCapture(location, options);
  return kindOf(kind).read(reference, options);
}

/**
 * Makes a private copy of a source (0600 in a 0700 folder), named by its content. On failure nothing is left.
 * @throws FailureError as {@link readSource}; `folder/not-private`
 */
export async function copySource(
  reference: SourceReference,
  folder: string,
  options: Omit<ReadOptions, 'at' | 'folder'> & { readonly at?: number } = {},
): Promise<SourceCopy> {
  const { copy } = kindOf(reference.kind);
  if (copy !== undefined) return copy(reference, folder, options);
  return writeCapture(await readSource(reference, { at: Date.now(), ...options, folder }), folder);
}

/**
 * Writes a source's keys, certificates, tokens and profiles as files, 0600 in a 0700 folder. Never overwrites.
 * @throws FailureError `file/exists`, `folder/not-private`, `file/cannot-write`
 */
export function exportSource(snapshot: Snapshot, folder: string): Promise<ExportedFile[]> {
  return exportSnapshot(snapshot, folder);
}

/**
 * What a source's queue of commands tells of profiles on devices; null where it cannot tell: a capture holds no queue.
 * @param copy path of a private copy of it, where one is at hand
 */
export async function readProfileCommands(
  reference: SourceReference,
  options: ReadOptions,
  copy: string | null = null,
): Promise<ProfileCommands | null> {
  const { profileCommands } = kindOf(reference.kind);
  if (profileCommands === undefined || (await isCapture(reference.location))) return null;
  return profileCommands(reference, options, copy);
}

/** What became of commands, by their UUIDs; null where the source cannot tell. */
export async function readCommandResults(
  reference: SourceReference,
  options: ReadOptions,
  uuids: readonly string[],
): Promise<readonly CommandResult[] | null> {
  const { commandResults } = kindOf(reference.kind);
  if (commandResults === undefined || (await isCapture(reference.location))) return null;
  return commandResults(reference, options, uuids);
}

function kindOf(name: string): SourceKind {
  const kind = kinds.find((candidate) => candidate.name === name);
  return (
    kind ??
    misused('usage/source', `There is no kind of source called ${name}.`, 'Use the version of Slipway that made this.')
  );
}
