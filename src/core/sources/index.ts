/** The ways in: which kinds of source there are, and how one is named, read, copied and exported. */
import { misused } from '../failure';
import { microMdm } from './micromdm/source';
import type { ProfileCommands } from './micromdm/profile-commands';
import type { Snapshot } from './snapshot';
import type { ExportedFile, ReadOptions, SourceCopy, SourceKind, SourceReference } from './source-kind';

export type { CommandedProfile, ProfileCommands } from './micromdm/profile-commands';
export type { ExportedFile, ReadOptions, SourceCopy, SourceReference } from './source-kind';

/** Every kind of source. */
const kinds: readonly SourceKind[] = [microMdm];

/**
 * Reads how a source is written: `micromdm:PATH`, `micromdm:https://host[:port][/prefix]`.
 * @throws FailureError `usage/source` for an unknown kind, `usage/secret-in-url`, `usage/plain-http`,
 *   `usage/source-url`
 */
export function parseSource(text: string): SourceReference {
  const colon = text.indexOf(':');
  const kind = kinds.find(({ name }) => name === text.slice(0, Math.max(0, colon)).toLowerCase());
  if (kind) return kind.parse(text.slice(colon + 1));
  return misused(
    'usage/source',
    colon > 0 && colon < 20 && !text.slice(0, colon).includes('/')
      ? `There is no kind of source called ${text.slice(0, colon)}.`
      : 'The source does not say what kind it is.',
    `Write one of: ${kinds.flatMap(({ forms }) => forms).join(', ')}.`,
  );
}

/** How a reference is written; {@link parseSource} gives it back. */
export function printSource({ kind, location }: SourceReference): string {
  return `${kind}:${location}`;
}

/**
 * Reads a source into a snapshot. A source that must be downloaded is kept as a private copy in `options.folder`.
 * @throws FailureError `bolt/…`, `micromdm/…`, `source/…`, `usage/…`
 */
export function readSource(reference: SourceReference, options: ReadOptions): Promise<Snapshot> {
  return kindOf(reference.kind).read(reference, options);
}

/**
 * Makes a private copy of a source (0600 in a 0700 folder), named by its content. On failure nothing is left.
 * @throws FailureError as {@link readSource}; `folder/not-private`
 */
export function copySource(
  reference: SourceReference,
  folder: string,
  options: Omit<ReadOptions, 'at' | 'folder'> = {},
): Promise<SourceCopy> {
  return kindOf(reference.kind).copy(reference, folder, options);
}

/**
 * Writes a source's keys, certificates, tokens and profiles as files, 0600 in a 0700 folder. Never overwrites.
 * @throws FailureError `file/exists`, `folder/not-private`, `file/cannot-write`
 */
export function exportSource(snapshot: Snapshot, folder: string): Promise<ExportedFile[]> {
  return kindOf(snapshot.source.kind).export(snapshot, folder);
}

/**
 * What a source's queue of commands tells of profiles on devices; null where its kind cannot tell.
 * @param path a local file: the source itself, or a private copy of it
 */
export async function readProfileCommands(
  kind: string,
  path: string,
  options: Pick<ReadOptions, 'at' | 'salvage' | 'onProgress'>,
): Promise<ProfileCommands | null> {
  return (await kindOf(kind).profileCommands?.(path, options)) ?? null;
}

function kindOf(name: string): SourceKind {
  const kind = kinds.find((candidate) => candidate.name === name);
  return (
    kind ??
    misused('usage/source', `There is no kind of source called ${name}.`, 'Use the version of Slipway that made this.')
  );
}
