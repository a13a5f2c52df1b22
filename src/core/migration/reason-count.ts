/** The reasons of many devices, counted for people. */
import type { Reason, Severity } from '../sources/snapshot';
import type { JudgedDevice } from './verdict';

/** A reason with how many devices have it. */
export interface CountedReason extends Reason {
  readonly count: number;
}

/** A code may have this many sentences of its own; more differ by names and numbers of devices. */
const MOST_SENTENCES = 3;
const WORST_FIRST: readonly Severity[] = ['block', 'caution', 'note'];

/**
 * Counts reasons over devices, worst and most frequent first. A code whose sentences say different things
 * is told with each; one whose sentences name single devices is told once, by the first of them.
 */
export function countReasons(devices: Iterable<JudgedDevice>): CountedReason[] {
  const byCode = new Map<string, Map<string, { reason: Reason; count: number }>>();
  for (const { reasons } of devices) {
    const seen = new Set<string>();
    for (const reason of reasons) {
      // The same code may weigh differently on different devices: two lines then.
      const key = `${reason.severity} ${reason.code}`;
      if (seen.has(key)) continue;
      seen.add(key);
      const sentences = byCode.get(key) ?? new Map<string, { reason: Reason; count: number }>();
      byCode.set(key, sentences);
      const known = sentences.get(reason.sentence);
      if (known === undefined) sentences.set(reason.sentence, { reason, count: 1 });
      else known.count += 1;
    }
  }
  const counted: CountedReason[] = [];
  for (const sentences of byCode.values()) {
    const all = [...sentences.values()];
    if (all.length <= MOST_SENTENCES) counted.push(...all.map(({ reason, count }) => ({ ...reason, count })));
    else if (all[0]) counted.push({ ...all[0].reason, count: all.reduce((sum, { count }) => sum + count, 0) });
  }
  return counted.sort(
    (left, right) =>
      WORST_FIRST.indexOf(left.severity) - WORST_FIRST.indexOf(right.severity) || right.count - left.count,
  );
}
