/**
 * What the command queue tells of profiles (spec 2.9): MicroMDM stores no list of what a device has installed, but it keeps
 * every command it sent. InstallProfile and RemoveProfile, answered and waiting, in their order, say which profiles were
 * put on a device and not taken off again; and they hold the profiles themselves, which need not be stored anywhere else.
 */
import { hash } from 'node:crypto';
import { readStable, type BoltFile } from '../../bolt';
import { isSignedData } from '../../certificates/cms';
import type { OnProgress } from '../../progress';
import { Secret } from '../../secret';
import { requestTypeOf } from '../command-payload';
import { asDictionary, readPropertyList, textOf } from '../property-list';
import type { ProfileCommands } from '../source-kind';
import { databaseIn } from './index';
import { requireMicroMdm } from './origin';
import { openProfile, payloads } from './profile';
import { MessageType } from './protobuf';
import { BUCKET, Reading } from './reading';

const queueMessage = new MessageType({ pending: [2, 'messages'], completed: [3, 'messages'], notNow: [5, 'messages'] });
const commandMessage = new MessageType({ payload: [2, 'bytes'] });

/** A profile of more would not have been taken by any device. */
const MAX_PAYLOAD = 24 * 1024 * 1024;
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

/**
 * Reads the whole queue, history included: on an old server that is most of its file.
 * @param path the database, or the folder that holds it; read as `readMicroMdm` reads it, never locked or changed
 * @throws FailureError `bolt/…` when the file cannot be read, `micromdm/not-micromdm`
 */
export async function readProfileCommands(
  path: string,
  {
    at,
    salvage = false,
    onProgress,
  }: { readonly at: number; readonly salvage?: boolean; readonly onProgress?: OnProgress },
): Promise<ProfileCommands> {
  const { value } = await readStable(databaseIn(path), { retries: 20, backoffMs: 50, salvage }, (bolt) =>
    Promise.resolve(profileCommandsOf(bolt, at, salvage, onProgress)),
  );
  return value;
}

function profileCommandsOf(
  bolt: BoltFile,
  at: number,
  salvage: boolean,
  onProgress: OnProgress | undefined,
): ProfileCommands {
  requireMicroMdm(bolt);
  const reading = new Reading(bolt, at, salvage, onProgress);
  const byContent = new Map<string, Known | null>();
  const profiles = new Map<string, Gathered>();
  let hasHistory = false;
  let unreadable = 0;

  const profileOf = (payload: Buffer): Gathered | null => {
    const encoded = encodedProfile(payload);
    if (encoded === null) return null;
    // The same profile goes to thousands of devices, in the same words.
    const key = hash('sha256', encoded, 'hex');
    let known = byContent.get(key);
    if (known === undefined) byContent.set(key, (known = open(Buffer.from(encoded, 'base64'))));
    if (known === null) return null;
    const before = profiles.get(known.identifier);
    const gathered: Gathered = before ?? {
      ...known,
      installedOn: new Set(),
      waitingFor: new Set(),
      leaving: new Set(),
      contents: new Set(),
    };
    Object.assign(gathered, known);
    gathered.contents.add(key);
    profiles.set(known.identifier, gathered);
    return gathered;
  };

  reading.entries(BUCKET.commands, ({ key, value }) => {
    const decoded = queueMessage.decode(value);
    if (!decoded.ok) return;
    const udid = key.toString('utf8');
    const { pending, notNow, completed } = decoded.message;
    for (const [messages, answered] of [
      [completed, true],
      [[...notNow, ...pending], false],
    ] as const) {
      if (answered && messages.length > 0) hasHistory = true;
      for (const message of messages) {
        const inner = commandMessage.decode(message);
        const payload = inner.ok ? inner.message.payload : null;
        if (payload === null || payload.length > MAX_PAYLOAD) continue;
        const type = requestTypeOf(payload);
        if (type === 'InstallProfile') {
          const profile = profileOf(payload);
          if (profile === null) unreadable += 1;
          else if (answered) profile.installedOn.add(udid);
          else profile.waitingFor.add(udid);
        } else if (type === 'RemoveProfile') {
          const identifier = removedIdentifier(payload);
          const profile = identifier === null ? undefined : profiles.get(identifier);
          if (profile === undefined) continue;
          if (answered) profile.installedOn.delete(udid);
          else profile.leaving.add(udid);
        }
      }
    }
  });
  return {
    profiles: [...profiles.values()]
      .map(({ body, contents, ...rest }) => ({ ...rest, body: new Secret('profile', body), versions: contents.size }))
      .sort((a, b) => (a.identifier < b.identifier ? -1 : a.identifier > b.identifier ? 1 : 0)),
    hasHistory,
    unreadable,
  };
}

/** The base64 between the tags of an InstallProfile command, without parsing the command; null when there is none. */
function encodedProfile(payload: Buffer): string | null {
  const key = payload.indexOf(PAYLOAD);
  const start = key < 0 ? -1 : payload.indexOf('<data>', key);
  const end = start < 0 ? -1 : payload.indexOf('</data>', start);
  return end < 0 ? null : payload.toString('latin1', start + 6, end);
}

function open(body: Buffer): Known | null {
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

function removedIdentifier(payload: Buffer): string | null {
  const command = asDictionary(asDictionary(readPropertyList(payload))?.['Command']);
  return command === null ? null : textOf(command, 'Identifier');
}
