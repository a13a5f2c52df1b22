/** Inspects files: what they are, what belongs together, what is wrong with them. Fully offline. */
import { assemble } from './assembly';
import { looksLikeBolt, readDatabase } from './database';
import { contentOf, filesUnder, headOf, MAX_FILE_BYTES, type FileFound } from './file';
import { Inspection } from './inspection';
import type { SkippedFile } from './item';
import { Passwords, type PasswordFor } from './password';
import { Reading } from './reading';
import { relate } from './relation';

/** A file or folder on disk, or bytes that are in memory already. */
export type InspectInput = { readonly path: string } | { readonly name: string; readonly bytes: Buffer };

/** How to inspect. */
export interface InspectOptions {
  /** Asked for the password of what no known password opens. Without it, such things stay locked. */
  readonly passwordFor?: PasswordFor;
  /** The clock, milliseconds since the epoch. */
  readonly at: number;
  /** The APNs topics the devices use, from a snapshot: push certificates with another one are wrong. */
  readonly snapshotTopics?: readonly string[];
}

/** What a file of a folder may turn out to be without a word: most folders hold other things too. */
const QUIET: ReadonlySet<string> = new Set(['not-recognised', 'file-empty', 'file-too-large', 'binary-property-list']);

/**
 * Inspects files and folders. Never throws for what is in them: each gives items, a coded problem, or (below a folder,
 * where it is nothing we know) an entry in `skipped`.
 */
export async function inspectFiles(inputs: readonly InspectInput[], options: InspectOptions): Promise<Inspection> {
  const { at } = options;
  const reading = new Reading(new Passwords(options.passwordFor), at);
  const topics = new Set(options.snapshotTopics ?? []);
  const quiet = new Set<string>();
  for (const input of inputs) {
    if ('bytes' in input) {
      const place = { file: input.name, path: '' };
      if (looksLikeBolt(input.bytes)) reading.note(place, input.bytes, 'database-by-path');
      else if (input.bytes.length > MAX_FILE_BYTES) reading.note(place, Buffer.alloc(0), 'file-too-large');
      else await reading.file(input.name, input.bytes);
      continue;
    }
    let files: FileFound[];
    try {
      files = await filesUnder(input.path);
    } catch (error) {
      reading.note({ file: input.path, path: '' }, Buffer.alloc(0), 'file-unreadable', codeOf(error));
      continue;
    }
    for (const file of files) {
      if (!file.named) quiet.add(file.name);
      await readFile(reading, file, at, topics);
    }
  }
  await reading.openMessages();
  const skipped: SkippedFile[] = [];
  const drafts = reading.drafts.filter(({ kind, place, problems }) => {
    const code = problems[0]?.code ?? '';
    if (kind !== 'unknown' || place.path !== '' || !quiet.has(place.file) || !QUIET.has(code)) return true;
    skipped.push({ file: place.file, code });
    return false;
  });
  const relations = await relate(drafts, at);
  return new Inspection(
    at,
    assemble(drafts, relations, at, topics),
    relations.groups,
    relations.links,
    skipped,
    drafts,
  );
}

async function readFile(reading: Reading, file: FileFound, at: number, topics: Set<string>): Promise<void> {
  const place = { file: file.name, path: '' };
  try {
    const { head, size } = await headOf(file.path);
    if (looksLikeBolt(head)) await readDatabase(reading, file.path, place, at, topics);
    else if (size > MAX_FILE_BYTES) reading.note(place, Buffer.alloc(0), 'file-too-large');
    else await reading.file(file.name, await contentOf(file.path));
  } catch (error) {
    const code = codeOf(error);
    reading.note(place, Buffer.alloc(0), 'file-unreadable', code);
  }
}

/** What the file system says; anything else is a defect of ours and must be seen. */
function codeOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (!/^E[A-Z0-9]+$/.test(code)) throw error;
  return code;
}
