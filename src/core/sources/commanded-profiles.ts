/**
 * Profiles gathered from commands, whichever server kept them: InstallProfile and RemoveProfile, answered and waiting, in
 * their order, say which profiles were put on a device and not taken off again; and they hold the profiles themselves.
 */
import { hash } from 'node:crypto';
import { isSignedData } from '../certificates/cms';
import { Secret } from '../secret';
import { openProfile, payloads } from './micromdm/profile';
import { asDictionary, readPropertyList, textOf } from './property-list';
import type { ProfileCommands } from './source-kind';

/** A profile of more would not have been taken by any device. */
export const MAX_COMMAND = 24 * 1024 * 1024;
const PAYLOAD = '<key>Payload</key>';

interface Known {
  identifier: string;
  displayName: string | null;
  signed: boolean;
  payloadTypes: string[];
  body: Buffer;
}

interface Gathered extends Known {
  installedOn: Set<string>;
  waitingFor: Set<string>;
  leaving: Set<string>;
  contents: Set<string>;
}

/** A command out of which everything needed was taken; the command itself need not be kept. */
export type ProfileCommand =
  | { readonly kind: 'install'; readonly identifier: string; readonly content: string }
  | { readonly kind: 'remove'; readonly identifier: string };

/** Commands come in by {@link open}, what became of them by {@link note}; each device's in their order. */
export class CommandedProfiles {
  readonly #byContent = new Map<string, Known | null>();
  readonly #profiles = new Map<string, Gathered>();
  #unreadable = 0;

  /** Reads a raw command; null for one that is about no profile, or whose profile cannot be read. */
  open(requestType: string | null, command: Buffer): ProfileCommand | null {
    if (requestType === 'RemoveProfile') {
      const identifier = removedIdentifier(command);
      return identifier === null ? null : { kind: 'remove', identifier };
    }
    if (requestType !== 'InstallProfile') return null;
    const encoded = encodedProfile(command);
    if (encoded === null) return null;
    // The same profile goes to thousands of devices, in the same words.
    const content = hash('sha256', encoded, 'hex');
    let known = this.#byContent.get(content);
    if (known === undefined) this.#byContent.set(content, (known = profileIn(Buffer.from(encoded, 'base64'))));
    return known === null ? null : { kind: 'install', identifier: known.identifier, content };
  }

  /** An InstallProfile command whose profile cannot be read. */
  skip(): void {
    this.#unreadable += 1;
  }

  /** What became of a command for a device: it was answered, or still waits. */
  note(udid: string, command: ProfileCommand, answered: boolean): void {
    if (command.kind === 'remove') {
      const profile = this.#profiles.get(command.identifier);
      if (profile === undefined) return;
      if (answered) profile.installedOn.delete(udid);
      else profile.leaving.add(udid);
      return;
    }
    const known = this.#byContent.get(command.content);
    if (known == null) return;
    const before = this.#profiles.get(known.identifier);
    const gathered: Gathered = before ?? {
      ...known,
      installedOn: new Set(),
      waitingFor: new Set(),
      leaving: new Set(),
      contents: new Set(),
    };
    Object.assign(gathered, known);
    gathered.contents.add(command.content);
    this.#profiles.set(known.identifier, gathered);
    if (answered) gathered.installedOn.add(udid);
    else gathered.waitingFor.add(udid);
  }

  /** All of it, by identifier. */
  result(hasHistory: boolean): ProfileCommands {
    return {
      profiles: [...this.#profiles.values()]
        .map(({ body, contents, ...rest }) => ({ ...rest, body: new Secret('profile', body), versions: contents.size }))
        .sort((a, b) => (a.identifier < b.identifier ? -1 : a.identifier > b.identifier ? 1 : 0)),
      hasHistory,
      unreadable: this.#unreadable,
    };
  }
}

/** The base64 between the tags of an InstallProfile command, without parsing the command; null when there is none. */
function encodedProfile(command: Buffer): string | null {
  const key = command.indexOf(PAYLOAD);
  const start = key < 0 ? -1 : command.indexOf('<data>', key);
  const end = start < 0 ? -1 : command.indexOf('</data>', start);
  return end < 0 ? null : command.toString('latin1', start + 6, end);
}

function profileIn(body: Buffer): Known | null {
  const root = openProfile(body);
  const identifier = root === null ? null : textOf(root, 'PayloadIdentifier');
  if (root === null || identifier === null || identifier === '') return null;
  return {
    identifier,
    displayName: textOf(root, 'PayloadDisplayName'),
    signed: isSignedData(body),
    payloadTypes: payloads(root).map((payload) => textOf(payload, 'PayloadType') ?? ''),
    body,
  };
}

function removedIdentifier(command: Buffer): string | null {
  const inner = asDictionary(asDictionary(readPropertyList(command))?.['Command']);
  return inner === null ? null : textOf(inner, 'Identifier');
}
