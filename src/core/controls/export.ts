/**
 * The source's profiles as files Fleet takes: out of their signature, identifiers and bytes otherwise as devices have them; and
 * beside them the part of a team's GitOps file that names them. What Fleet does not take is left out, and named.
 */
import { hash } from 'node:crypto';
import { join } from 'node:path';
import { Document } from 'yaml';
import { refuseExisting, writePrivate } from '../private-file';
import { freeName } from '../sources/export';
import { privateFolder } from '../sources/private-folder';
import { fleetRefusals, scopeOf } from './acceptance';
import type { SourceControl } from './comparison';
import { secretFields } from './secret-field';

/** A profile that was written, or would be. */
export interface ExportedProfile {
  readonly identifier: string;
  readonly displayName: string;
  /** Path in the folder, with `/`. */
  readonly file: string;
  readonly sha256: string;
  readonly size: number;
  readonly scope: 'System' | 'User';
  /** Its signature was taken off. */
  readonly unsigned: boolean;
  /** Fields that hold secrets, by name. */
  readonly secretFields: readonly string[];
  /** Texts like $NAME: fleetctl gitops puts values of its environment in their place. */
  readonly hasVariables: boolean;
  readonly onDevices: boolean;
}

/** A profile that was left out. */
export interface LeftOut {
  readonly identifier: string;
  readonly displayName: string | null;
  readonly code: string;
  readonly sentence: string;
  readonly remedy: string;
}

/** What an export consists of. */
export interface ControlsExport {
  readonly team: string | null;
  /** Path of the GitOps file in the folder. */
  readonly gitops: string;
  readonly profiles: readonly ExportedProfile[];
  readonly leftOut: readonly LeftOut[];
}

interface Planned extends ControlsExport {
  readonly files: ReadonlyMap<string, Buffer>;
}

const PROFILES = 'lib/profiles/';

/** What would be written. `team` null: the file for hosts without a team. */
export function planExport(source: readonly SourceControl[], team: string | null): Planned {
  const files = new Map<string, Buffer>();
  const profiles: ExportedProfile[] = [];
  const leftOut: LeftOut[] = [];
  const names = new Map<string, string>();
  for (const control of source) {
    const { profile } = control;
    const { identifier, displayName } = profile;
    const [refusal] = fleetRefusals(profile);
    if (refusal !== undefined) {
      leftOut.push({ identifier, displayName, ...refusal });
      continue;
    }
    const name = displayName ?? '';
    const same = names.get(name.toLowerCase());
    if (same !== undefined) {
      leftOut.push({
        identifier,
        displayName,
        code: 'name-taken',
        sentence: `It has the same name as ${same}; Fleet takes a name once in a team.`,
        remedy: 'Give one of them another PayloadDisplayName at the source, and export again.',
      });
      continue;
    }
    names.set(name.toLowerCase(), identifier);
    const content = asFleetReads(profile.xml);
    const file = freeName(files, PROFILES, identifier, '.mobileconfig');
    files.set(file, content);
    profiles.push({
      identifier,
      displayName: name,
      file,
      sha256: hash('sha256', content, 'hex'),
      size: content.length,
      scope: scopeOf(profile),
      unsigned: profile.signed,
      secretFields: secretFields(profile),
      hasVariables: /\$\{?[A-Za-z_]/.test(content.toString('utf8')),
      onDevices: control.atEnroll || control.waitingFor.size > 0 || (control.installedOn?.size ?? 1) > 0,
    });
  }
  const gitops = team === null ? 'teams/no-team.yml' : freeName(files, 'teams/', team, '.yml');
  files.set(gitops, Buffer.from(gitopsText(team, profiles, leftOut)));
  return { team, gitops, profiles, leftOut, files };
}

/**
 * Writes an export: files 0600 in folders 0700.
 * @throws FailureError `file/exists` before anything is written; `folder/not-private`, `file/cannot-write`
 */
export async function writeExport(planned: Planned, folder: string): Promise<ControlsExport> {
  for (const name of planned.files.keys()) refuseExisting(join(folder, name));
  for (const inner of ['', 'lib', 'lib/profiles', 'teams']) await privateFolder(join(folder, inner));
  for (const [name, content] of planned.files) await writePrivate(join(folder, name), content);
  const { team, gitops, profiles, leftOut } = planned;
  return { team, gitops, profiles, leftOut };
}

/**
 * Fleet takes what does not begin with `<?xml` for a signed profile: a byte order mark goes, a declaration that is not there
 * comes. Nothing else is touched.
 */
function asFleetReads(xml: Buffer): Buffer {
  const bare = xml.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf])) ? xml.subarray(3) : xml;
  if (bare.toString('latin1', 0, 64).trimStart().startsWith('<?xml')) return bare;
  return Buffer.concat([Buffer.from('<?xml version="1.0" encoding="UTF-8"?>\n'), bare]);
}

/** The part of a team's file that names the profiles. Not a whole file: `fleetctl gitops` refuses it as it is. */
function gitopsText(team: string | null, profiles: readonly ExportedProfile[], leftOut: readonly LeftOut[]): string {
  const document = new Document({
    name: team ?? 'No team',
    controls: {
      macos_settings: { custom_settings: profiles.map(({ file }) => ({ path: `../${file}` })) },
    },
  });
  const lines = [
    ' Written by Slipway from the profiles of the old server: a part of a team file, to be merged into yours.',
    ' It is not a whole one on purpose. What a team file does not name, fleetctl gitops deletes in Fleet.',
    ...(profiles.some(({ secretFields: fields }) => fields.length > 0)
      ? [' Some of these profiles hold secrets: do not put them into a repository as they are.']
      : []),
    ...(profiles.some(({ hasVariables }) => hasVariables)
      ? [' Some hold texts like $NAME, which fleetctl replaces with variables of its environment: look at them first.']
      : []),
    ...(leftOut.length === 0 ? [] : [' Left out, because Fleet does not take them:']),
    ...leftOut.map(({ identifier, code }) => `   ${oneLine(identifier)} (${code})`),
  ];
  document.commentBefore = lines.join('\n');
  return document.toString({ lineWidth: 0 });
}

function oneLine(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what it looks for
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?').slice(0, 200);
}
