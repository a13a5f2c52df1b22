/**
 * What the command queue tells of profiles (spec 2.9): MicroMDM stores no list of what a device has installed, but it keeps
 * every command it sent.
 */
import { readStable, type BoltFile } from '../../bolt';
import type { OnProgress } from '../../progress';
import { requestTypeOf } from '../command-payload';
import { CommandedProfiles, MAX_COMMAND } from '../commanded-profiles';
import type { ProfileCommands } from '../source-kind';
import { databaseIn } from './index';
import { requireMicroMdm } from './origin';
import { MessageType } from './protobuf';
import { BUCKET, Reading } from './reading';

const queueMessage = new MessageType({ pending: [2, 'messages'], completed: [3, 'messages'], notNow: [5, 'messages'] });
const commandMessage = new MessageType({ payload: [2, 'bytes'] });

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
  const profiles = new CommandedProfiles();
  let hasHistory = false;
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
        if (payload === null || payload.length > MAX_COMMAND) continue;
        const type = requestTypeOf(payload);
        const command = profiles.open(type, payload);
        if (command !== null) profiles.note(udid, command, answered);
        else if (type === 'InstallProfile') profiles.skip();
      }
    }
  });
  return profiles.result(hasHistory);
}
