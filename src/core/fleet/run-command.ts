/**
 * Commands through Fleet's API (spec/fleet.md 5, `POST /commands/run`): the same command for many hosts of one platform.
 * One host that Fleet refuses makes its whole call fail: such a call is halved until it is found.
 */
import { FailureError } from '../failure';
import type { OnProgress } from '../progress';
import type { Secret } from '../secret';
import { checkAllowed, objectOf } from './api';
import { postToFleet, type FleetUrl } from './https-request';

/** Devices a call. */
const COMMAND_BATCH = 200;

/** One call's worth: Fleet takes one platform a call. */
export interface CommandBatch {
  readonly platform: string;
  readonly udids: readonly string[];
}

/** What became of a command. */
export interface CommandRun {
  /** Devices it was queued for. */
  readonly sent: readonly { readonly udid: string; readonly commandUuid: string | null }[];
  /** CommandUUIDs Fleet gave. */
  readonly commands: readonly string[];
  readonly failed: readonly CommandFailure[];
}

export interface CommandFailure {
  readonly udid: string;
  readonly code: string;
  readonly sentence: string;
  /** The answer was lost: the command may be queued all the same. */
  readonly unknown?: boolean;
}

/** Cuts devices, by platform, into calls. */
export function commandBatches(
  devices: Iterable<{ readonly udid: string; readonly platform: string }>,
): CommandBatch[] {
  const byPlatform = new Map<string, string[]>();
  for (const { udid, platform } of devices) {
    const known = byPlatform.get(platform);
    if (known === undefined) byPlatform.set(platform, [udid]);
    else known.push(udid);
  }
  const batches: CommandBatch[] = [];
  for (const [platform, all] of byPlatform) {
    for (let start = 0; start < all.length; start += COMMAND_BATCH)
      batches.push({ platform, udids: all.slice(start, start + COMMAND_BATCH) });
  }
  return batches;
}

/** How to run a command. */
export interface CommandRunOptions {
  /** The command as an XML property list; Fleet adds the CommandUUID. */
  readonly command: string;
  readonly label: string;
  readonly onProgress?: OnProgress | undefined;
  /** Before each call, and after it: for a journal. */
  readonly before?: (udids: readonly string[]) => Promise<void>;
  readonly after?: (outcome: Omit<CommandRun, 'commands'>) => Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs the command, call by call.
 * @throws FailureError `fleet/api-unauthorized`, `fleet/api-forbidden` at once; any failure of the first call before
 *   anything was sent; later failures are told by device
 */
export async function runOnHosts(
  fleet: FleetUrl,
  token: Secret,
  batches: readonly CommandBatch[],
  { command, label, onProgress, before, after, signal }: CommandRunOptions,
): Promise<CommandRun> {
  const commands: string[] = [];
  const sent: { udid: string; commandUuid: string | null }[] = [];
  const failed: CommandFailure[] = [];
  const total = batches.reduce((sum, { udids }) => sum + udids.length, 0);
  const encoded = Buffer.from(command).toString('base64');
  const note = async (more: Omit<CommandRun, 'commands'>): Promise<void> => {
    sent.push(...more.sent);
    failed.push(...more.failed);
    await after?.(more);
  };
  const failing = (udids: readonly string[], code: string, sentence: string, unknown = false): CommandFailure[] =>
    udids.map((udid) => ({ udid, code, sentence, ...(unknown ? { unknown } : {}) }));
  const send = async (udids: readonly string[]): Promise<void> => {
    const bytes = Buffer.from(JSON.stringify({ command: encoded, host_uuids: udids }));
    await before?.(udids);
    let answer: { status: number; body: Buffer };
    try {
      const body = { contentType: 'application/json', bytes };
      answer = await postToFleet(fleet, '/api/v1/fleet/commands/run', body, { token });
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      // The address may be wrong, or one call was lost, perhaps on its way back.
      await after?.({ sent: [], failed: failing(udids, error.failure.code, error.failure.message, true) });
      if (sent.length === 0 && failed.length === 0) throw error;
      failed.push(...failing(udids, error.failure.code, error.failure.message, true));
      return;
    }
    const { status } = answer;
    if (status === 401 || status === 403) {
      await after?.({ sent: [], failed: failing(udids, 'fleet-refused', `Fleet answered ${status}.`) });
      checkAllowed(status, 'run commands');
    }
    if (status >= 200 && status < 300) {
      const { command_uuid: given, failed_uuids: refusedOnes } = objectOf(answer.body) ?? {};
      const uuid = typeof given === 'string' ? given.slice(0, 128) : null;
      if (uuid !== null) commands.push(uuid);
      const bad = new Set(Array.isArray(refusedOnes) ? refusedOnes.filter((one) => typeof one === 'string') : []);
      await note({
        sent: udids.filter((udid) => !bad.has(udid)).map((udid) => ({ udid, commandUuid: uuid })),
        failed: failing(
          udids.filter((udid) => bad.has(udid)),
          'fleet-failed',
          'Fleet could not queue the command, or not push the device.',
        ),
      });
      return;
    }
    if (status >= 500 || udids.length === 1) {
      const sentence = `Fleet answered ${status}: MDM is perhaps off for this host.`;
      const code = status >= 500 ? 'fleet-error' : 'fleet-refused';
      await note({ sent: [], failed: failing(udids, code, sentence, status >= 500) });
      return;
    }
    const middle = Math.ceil(udids.length / 2);
    await send(udids.slice(0, middle));
    await send(udids.slice(middle));
  };
  for (const { udids } of batches) {
    if (signal?.aborted === true) break;
    await send(udids);
    onProgress?.({ label, done: sent.length + failed.length, total });
  }
  return { sent, commands, failed };
}
