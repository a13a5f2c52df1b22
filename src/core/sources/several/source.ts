/** Several sources as one: `several:["micromdm:/a.db","nanomdm:mysql://…"]`, the first one's CA and topic leading. */
import { FailureError, misused } from '../../failure';
import type { Snapshot } from '../snapshot';
import type { ReadOptions, SourceKind, SourceReference } from '../source-kind';
import { mergeSnapshots } from './merge';

const KIND = 'several';
const FEWEST = 2;
const MOST = 16;

const HOW = 'Write several:["micromdm:PATH","nanomdm:…"], two to sixteen sources, or add them with --and SOURCE.';

/** What several sources need of the table of sources they are in themselves. */
export interface SingleSources {
  readonly parse: (text: string) => SourceReference;
  readonly print: (reference: SourceReference) => string;
  readonly read: (reference: SourceReference, options: ReadOptions) => Promise<Snapshot>;
}

/** How several sources are written, from how each of them is. */
export function severalText(texts: readonly string[]): string {
  return `${KIND}:${JSON.stringify(texts)}`;
}

/** The kind `several` in the table of sources. */
export function severalSources(single: SingleSources): SourceKind {
  return {
    name: KIND,
    forms: ['several:["SOURCE","SOURCE"]'],
    parse: (location) => ({
      kind: KIND,
      transport: KIND,
      // Each as it is printed, so that the same sources are always the same text.
      location: JSON.stringify(referencesIn(location, single).map(single.print)),
    }),
    read: (reference, options) => readAll(referencesIn(reference.location, single), options, single),
  };
}

function referencesIn(location: string, single: SingleSources): SourceReference[] {
  const references = textsIn(location).map((text) => {
    const reference = single.parse(text);
    if (reference.kind === KIND)
      misused('usage/several', 'Several sources hold no several sources themselves.', 'Name each of them by itself.');
    return reference;
  });
  const printed = references.map(single.print);
  const twice = printed.find((text, at) => printed.indexOf(text) !== at);
  if (twice !== undefined) misused('usage/several', `${twice} is named twice.`, 'Name each source once.');
  return references;
}

function textsIn(location: string): string[] {
  let value: unknown;
  try {
    value = JSON.parse(location);
  } catch {
    misused('usage/several', 'What names several sources is no JSON.', HOW);
  }
  if (!Array.isArray(value) || !value.every((text): text is string => typeof text === 'string'))
    return misused('usage/several', 'What names several sources is no list of texts.', HOW);
  if (value.length < FEWEST || value.length > MOST)
    misused('usage/several', `Several sources are ${FEWEST} to ${MOST}; ${value.length} were named.`, HOW);
  return value;
}

async function readAll(
  references: readonly SourceReference[],
  { keepCertificates = true, bySource, ...common }: ReadOptions,
  single: SingleSources,
): Promise<Snapshot> {
  const snapshots: Snapshot[] = [];
  for (const [at, reference] of references.entries()) {
    const own = bySource?.get(single.print(reference)) ?? {};
    // With their certificates: whether one source's CA issued another's is found out from them.
    const options = { ...common, ...own, keepCertificates: true };
    snapshots.push(
      await single.read(reference, options).catch((error: unknown) => throwNaming(error, at + 1, reference)),
    );
  }
  return mergeSnapshots(snapshots, { keepCertificates });
}

function throwNaming(error: unknown, number: number, { kind }: SourceReference): never {
  if (!(error instanceof FailureError)) throw error;
  const { failure } = error;
  throw new FailureError({ ...failure, message: `Source ${number} (${kind}): ${failure.message}` }, { cause: error });
}
