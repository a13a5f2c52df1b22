/** A source as a local file, for commands that read it in more than one way: one that is downloaded is downloaded once. */
import { judge } from '../core/migration/verdict';
import { copySource, printSource, readProfileCommands, readSource, type ProfileCommands } from '../core/sources';
import { clockFrom, copiesFolder, type SourceOptions } from './input';
import { readOptions, sourceNamed, type JudgedSource } from './source-reading';
import { progressLine } from './terminal';

export interface LocalSource extends JudgedSource {
  /** How it was named. */
  readonly reference: string;
  /** Null where it was not asked for, or the kind cannot tell. */
  readonly commands: ProfileCommands | null;
}

/** Reads a source, judged, with what its command queue tells of profiles. */
export async function readWithCommands(text: string, options: SourceOptions, wanted: boolean): Promise<LocalSource> {
  const at = clockFrom(options);
  const named = sourceNamed(text, options);
  const progress = progressLine(options.json === true);
  try {
    const reading = { ...readOptions(options, at), onProgress: progress.onProgress };
    const isLocal = named.transport === 'file';
    const path = isLocal ? named.location : (await copySource(named, copiesFolder(options), reading)).path;
    const snapshot = await readSource(
      { ...named, transport: 'file', location: path },
      { ...reading, keepCertificates: false },
    );
    const commands = wanted ? await readProfileCommands(named, reading, path) : null;
    return { snapshot, judgement: judge(snapshot, at), at, reference: printSource(named), commands };
  } finally {
    progress.end();
  }
}
