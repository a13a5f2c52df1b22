/** The ways a wave’s devices can be woken, put together from what is at hand. */
import type { OldServer } from '../commands/old-server';
import { parsePlace } from '../commands/web-call';
import { misused } from '../failure';
import type { FleetUrl } from '../fleet/https-request';
import type { OnProgress } from '../progress';
import type { Secret } from '../secret';
import { wakeThroughFleet, wakeThroughOldServer, WAKE_COMMAND, type WakePlan, type WakeResult } from './wake';

export const WAKE_WAYS = ['fleet', 'old-server', 'both', 'none'] as const;
export type WakeWay = (typeof WAKE_WAYS)[number];

/** How devices are woken. */
export interface Waker {
  readonly way: Exclude<WakeWay, 'none'>;
  /** What is sent, as it is shown before. */
  readonly command: string;
  readonly send: (plan: WakePlan) => Promise<WakeResult>;
}

/** What is at hand. */
export interface WakeMeans {
  readonly fleet: { readonly url: FleetUrl; readonly token: Secret } | null;
  readonly oldServer: OldServer | null;
}

/**
 * Puts a waker together; null when nobody is to be woken. Without a wish everything at hand is used.
 * @throws usage/wake when what is wished for is not at hand, and what parsePlace throws
 */
export function makeWaker(
  { fleet, oldServer }: WakeMeans,
  wish: WakeWay | null,
  onProgress?: OnProgress,
): Waker | null {
  const way =
    wish ?? (fleet !== null ? (oldServer !== null ? 'both' : 'fleet') : oldServer !== null ? 'old-server' : 'none');
  if (way === 'none') return null;
  if (way !== 'old-server' && fleet === null)
    misused('usage/wake', 'Fleet can only be asked to wake devices with its address and a token.', 'Give both.');
  if (way !== 'fleet' && oldServer === null)
    misused(
      'usage/wake',
      'The old server can only be asked to push devices with its address and API key.',
      'Give both.',
    );
  if (oldServer !== null && way !== 'fleet') parsePlace(oldServer.place);
  return {
    way,
    command: way === 'old-server' ? 'a push' : WAKE_COMMAND,
    async send(plan) {
      const pushed =
        way === 'old-server' ? [...plan.batches.flatMap(({ udids }) => udids), ...plan.hostless] : plan.hostless;
      const first =
        fleet === null || way === 'old-server'
          ? NOTHING
          : await wakeThroughFleet(fleet.url, fleet.token, plan.batches, onProgress);
      const second =
        oldServer === null || way === 'fleet'
          ? { ...NOTHING, failed: pushed.map((udid) => ({ udid, ...UNREACHED })) }
          : await wakeThroughOldServer(oldServer, pushed, onProgress);
      return {
        sent: first.sent + second.sent,
        commands: [...first.commands, ...second.commands],
        failed: [...first.failed, ...second.failed],
      };
    },
  };
}

const NOTHING: WakeResult = { sent: 0, commands: [], failed: [] };
const UNREACHED = { code: 'no-host', sentence: 'Fleet has no host of it; only a push of the old server reaches it.' };
