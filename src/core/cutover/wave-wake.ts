/** Waking devices of a wave once more, some time after its switch: journaled before and after, as with the wave itself. */
import { refused } from '../failure';
import type { Hosts } from '../fleet/hosts';
import { planWake, type WakePlan, type WakeResult } from './wake';
import type { Waker } from './waker';
import { openWaves, readWaves, standingOf } from './wave-journal';

/** Who would be woken. Nothing has been sent yet. */
export interface WakePreview {
  /** The wave, or null for single devices. */
  readonly rung: string | null;
  readonly udids: readonly string[];
}

/**
 * Devices of a wave that go to Fleet: of the last wave that moved unless one is named, or single devices.
 * @throws wave/nobody-to-wake
 */
export async function prepareWaking(
  waves: string,
  wish: { readonly rung?: string; readonly udids?: ReadonlySet<string> },
): Promise<WakePreview> {
  const standing = standingOf((await readWaves(waves)).lines);
  const rung = wish.udids === undefined ? (wish.rung ?? standing.moves.at(-1)?.rung ?? null) : null;
  const udids =
    wish.udids === undefined
      ? [...standing.switched].flatMap(([udid, by]) => (by.rung === rung ? [udid] : []))
      : [...wish.udids].filter((udid) => standing.fleet.has(udid));
  if (udids.length === 0)
    refused(
      'wave/nobody-to-wake',
      'None of these devices goes to Fleet.',
      'Choose a wave that has moved, or devices of one.',
    );
  return { rung, udids };
}

/** Wakes them. Throws what the waker throws before anything was sent; later failures are told by device. */
export async function wakeAgain(
  waves: string,
  { rung, udids }: WakePreview,
  waker: Waker,
  hosts: Hosts,
): Promise<WakeResult> {
  const journal = await openWaves(waves);
  try {
    const { moves } = standingOf(journal.found.lines);
    const move = (rung === null ? moves.at(-1) : moves.findLast((one) => one.rung === rung))?.number ?? 0;
    const plan: WakePlan = planWake(udids, hosts);
    await journal.append({
      kind: 'wake-intent',
      move,
      way: waker.way,
      devices: udids.length,
      command: waker.command,
      again: true,
    });
    const woken = await waker.send(plan);
    await journal.append({
      kind: 'woken',
      move,
      sent: woken.sent,
      commands: [...woken.commands],
      failed: woken.failed.map(({ udid, code }) => ({ udid, code })),
      again: true,
    });
    return woken;
  } finally {
    await journal.close();
  }
}
