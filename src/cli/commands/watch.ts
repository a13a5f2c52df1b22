import { attempt } from '../../core/failure';
import { markWaves, outlookOf, Series } from '../../core/watch/series';
import type { WatchProgress } from '../../core/watch/status';
import { Watcher, type Poll } from '../../core/watch/watcher';
import { EXIT } from '../exit-code';
import { clockFrom } from '../input';
import { stopOnSignal } from '../interrupt';
import { counted, plain, print, printJson, styled } from '../terminal';
import { duration, rfc3339 } from '../time';
import { judgingFrom, openRoster, sidesFrom, type WatchOptions } from '../watch-opening';
import { countLines, missingOf } from './status';

interface RunOptions extends WatchOptions {
  readonly interval?: number;
  readonly until?: string;
  readonly series?: string;
  readonly reread?: number;
}

const INTERVAL = 30_000;

/**
 * `slipway watch [PLAN|SOURCE]`: asks again and again and tells what changed, until everybody imported has migrated, the
 * time is over, or Ctrl-C. Exit 0 when all have migrated, 1 when the time was over before, 130 when stopped.
 */
export async function run(subject: string | undefined, options: RunOptions): Promise<number> {
  const sides = sidesFrom(options);
  const interval = options.interval ?? INTERVAL;
  const end = options.until === undefined ? null : endFrom(options.until);
  const opened = await openRoster(subject, options, options.reread !== undefined);
  const watcher = new Watcher({ roster: opened.roster, ...sides, judging: await judgingFrom(options) });
  const series = options.series === undefined ? Series.unsaved() : await Series.open(options.series);
  const json = options.json === true;
  let rereadAt = Date.now() + (options.reread ?? 0);
  let first = true;
  let outcome: 'migrated' | 'time' | null = null;
  const stop = stopOnSignal('Stopping.');
  const over = new AbortController();
  stop.signal.addEventListener('abort', () => over.abort());
  const timeIsOver = (): void => {
    outcome ??= 'time';
    over.abort();
  };
  // A timer takes at most 24 days.
  const timer = end === null ? null : setTimeout(timeIsOver, Math.min(2_147_000_000, Math.max(0, end - Date.now())));
  try {
    await watcher.run(interval, over.signal, async (poll, pause) => {
      const counts = watcher.board.progress();
      if (poll.failures.length === 0) {
        await series.add(poll.at, counts);
        await markWaves(series, watcher.watch.roster, poll);
      }
      await (json ? tellJson(poll, counts, pause, series) : tell(poll, counts, pause, series, first));
      first = false;
      if (counts.imported > 0 && counts.migrated === counts.imported) {
        outcome = 'migrated';
        return false;
      }
      if (options.reread !== undefined && opened.again !== null && Date.now() >= rereadAt) {
        rereadAt = Date.now() + options.reread;
        const again = await attempt(opened.again);
        if (again.ok) watcher.setRoster(again.value);
        else if (json)
          await printJson({
            schema: 1,
            event: 'source-failed',
            code: again.failure.code,
            message: again.failure.message,
          });
        else
          await print(`${styled('!', 'yellow')} ${plain(again.failure.message)} ${styled(again.failure.code, 'dim')}`);
      }
      return true;
    });
  } finally {
    if (timer !== null) clearTimeout(timer);
    stop.end();
  }
  // It changes in callbacks, which the compiler does not see.
  const ended = outcome as 'migrated' | 'time' | null;
  const word = ended ?? 'stopped';
  if (json) await printJson({ schema: 1, event: 'end', reason: word, counts: watcher.board.progress() });
  else
    await print(
      ended === 'migrated'
        ? 'Every imported device has migrated.'
        : ended === 'time'
          ? 'The time is over.'
          : 'Stopped.',
    );
  return ended === 'migrated' ? EXIT.fine : ended === 'time' ? EXIT.found : EXIT.interrupted;
}

/** `--until 2026-11-24T23:00:00Z` or `--until 2h`. */
function endFrom(value: string): number {
  return /^\d+[smh]?$/.test(value) ? Date.now() + duration(value) : clockFrom({ at: value });
}

const time = (at: number | null): string | null => (at === null ? null : rfc3339(Math.floor(at / 1000) * 1000));

async function tellJson(poll: Poll, counts: WatchProgress, pause: number, series: Series): Promise<void> {
  for (const { udid, from, to, at } of poll.changes.states) {
    await printJson({ schema: 1, event: 'change', udid, from, to, at: time(at) });
  }
  for (const wave of poll.changes.wavesDone) await printJson({ schema: 1, event: 'wave-done', wave });
  const { perHour, expectedEnd, remaining, why } = outlookOf(series.points, poll.at);
  await printJson({
    schema: 1,
    event: 'poll',
    at: time(poll.at),
    milliseconds: poll.took,
    counts,
    changed: poll.changes.count,
    outlook: { remaining, perHour, expectedEnd: time(expectedEnd), why },
    failures: poll.failures.map(({ code, message, remedy }) => ({ code, message, remedy })),
    missing: missingOf(poll),
    nextIn: Math.round(pause / 1000),
  });
}

async function tell(poll: Poll, counts: WatchProgress, pause: number, series: Series, first: boolean): Promise<void> {
  if (first) await print(...countLines(counts));
  const at = (time(poll.at) ?? '').slice(11, 19);
  for (const { message, remedy } of poll.failures) {
    await print(
      `${at} ${styled('!', 'yellow')} ${plain(message)} ${plain(remedy)} Asked again in ${Math.round(pause / 1000)} s.`,
    );
  }
  for (const { udid, from, to } of poll.changes.states.slice(0, 20)) {
    await print(
      `${at} ${to === 'migrated' ? styled('✓', 'green') : to === 'lost' ? styled('✗', 'red') : '·'} ${plain(udid)} ${from ?? 'new'} → ${to}`,
    );
  }
  if (poll.changes.count > 20) await print(`${at} and ${poll.changes.count - 20} more`);
  for (const wave of poll.changes.wavesDone)
    await print(`${at} ${styled('✓', 'green')} The wave ${plain(wave)} is done.`);
  if (first || poll.changes.count === 0) return;
  const { remaining, perHour, expectedEnd } = outlookOf(series.points, poll.at);
  const rate = perHour === null ? '' : `, ${Math.round(perHour)} an hour`;
  const end = expectedEnd === null ? '' : `, the last one about ${time(expectedEnd) ?? ''}`;
  await print(
    `${at} ${counts.migrated} of ${counted(counts.size, 'device')} migrated, ${remaining} waited for${rate}${end}`,
  );
}
