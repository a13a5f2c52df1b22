/**
 * Waking devices after their switch: they call in only after a push. A harmless command through Fleet’s API brings one,
 * and its answer is the proof of a whole round trip; a Mac Fleet has no host of is pushed by the old server, whose push
 * certificate is the same: it then follows its new route (spec/fleet.md 3.9).
 */
import type { OldServer } from '../commands/old-server';
import { FailureError } from '../failure';
import type { Hosts } from '../fleet/hosts';
import type { FleetUrl } from '../fleet/https-request';
import { commandBatches, runOnHosts, type CommandBatch } from '../fleet/run-command';
import type { OnProgress } from '../progress';
import type { Secret } from '../secret';

/** The command that is sent: it asks for two values and changes nothing. Fleet adds the CommandUUID. */
export const WAKE_COMMAND = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Command</key>
	<dict>
		<key>RequestType</key>
		<string>DeviceInformation</string>
		<key>Queries</key>
		<array>
			<string>UDID</string>
			<string>SerialNumber</string>
		</array>
	</dict>
</dict>
</plist>
`;

const PUSHES_AT_ONCE = 4;

/** Who can be woken how. */
export interface WakePlan {
  readonly batches: readonly CommandBatch[];
  /** Fleet has no host of them: only a push of the old server reaches them. */
  readonly hostless: readonly string[];
}

/** Sorts devices into calls. */
export function planWake(udids: Iterable<string>, hosts: Hosts): WakePlan {
  const known: { udid: string; platform: string }[] = [];
  const hostless: string[] = [];
  for (const udid of udids) {
    const [host] = hosts.withUdid(udid);
    if (host === undefined) hostless.push(udid);
    else known.push({ udid: host.uuid, platform: host.platform });
  }
  return { batches: commandBatches(known), hostless };
}

/** What became of it. */
export interface WakeResult {
  /** Devices the command was queued for, or that were pushed. */
  readonly sent: number;
  /** CommandUUIDs Fleet gave. */
  readonly commands: readonly string[];
  readonly failed: readonly { readonly udid: string; readonly code: string; readonly sentence: string }[];
}

/** Sends the command. Throws what {@link runOnHosts} throws; later failures are told by device. */
export async function wakeThroughFleet(
  fleet: FleetUrl,
  token: Secret,
  batches: readonly CommandBatch[],
  onProgress?: OnProgress,
): Promise<WakeResult> {
  const run = await runOnHosts(fleet, token, batches, { command: WAKE_COMMAND, label: 'waking', onProgress });
  return { ...run, sent: run.sent.length };
}

/** Pushes devices through the old server’s own API. Throws `old-server/key-refused` when its key is not accepted. */
export async function wakeThroughOldServer(
  server: OldServer,
  udids: readonly string[],
  onProgress?: OnProgress,
): Promise<WakeResult> {
  const failed: { udid: string; code: string; sentence: string }[] = [];
  let sent = 0;
  const push = async (udid: string): Promise<void> => {
    try {
      const { status, pushed } = await server.push(udid);
      if (pushed) sent += 1;
      else failed.push({ udid, code: 'push-failed', sentence: `The old server answered ${status} to the push.` });
    } catch (error) {
      if (!(error instanceof FailureError) || error.failure.code === 'old-server/key-refused') throw error;
      if (sent === 0 && failed.length === 0) throw error;
      failed.push({ udid, code: error.failure.code, sentence: error.failure.message });
    }
    onProgress?.({ label: 'waking', done: sent + failed.length, total: udids.length });
  };
  // The first alone: where the key is wrong, one try is enough.
  const [first, ...rest] = udids;
  if (first !== undefined) await push(first);
  const lane = async (): Promise<void> => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) await push(next);
  };
  await Promise.all(Array.from({ length: PUSHES_AT_ONCE }, lane));
  return { sent, commands: [], failed };
}
