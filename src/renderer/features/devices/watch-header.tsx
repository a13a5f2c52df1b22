/** How far the migration has come: counts that are filters, the way there over time, and when Fleet is asked next. */
import { Select } from '@mantine/core';
import { ChevronRight } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { DeviceFilter } from '../../../contract/devices';
import { ANY_ATTENTION, type WatchCounts, type WatchState, type WatchSummary } from '../../../contract/watch';
import { IconButton } from '../../components/button';
import { Prose } from '../../components/prose';
import { SeverityIcon, ToneIcon } from '../../components/severity-icon';
import { StackedBar } from '../../components/stacked-bar';
import type { Tone } from '../../components/tone';
import { WATCH_LOOKS } from '../../components/watch-badge';
import { grouped, percent, span } from '../../format/number';
import { clock, utc } from '../../format/time';
import { useAnswer } from '../../hooks/use-answer';
import { perform } from '../../hooks/use-call';
import { useAppState } from '../../stores/app-state';
import { EVERY_DEVICE } from './device-filter';
import { askNow, cannotWatch, stopWatching } from './watch-actions';
import { WatchChart } from './watch-chart';
import './watch-header.css';

interface WatchHeaderProps {
  readonly filter: DeviceFilter;
  readonly onChange: (filter: DeviceFilter) => void;
}

export function WatchHeader({ filter, onChange }: WatchHeaderProps): React.JSX.Element {
  const watch = useAppState((state) => state.watch);
  const cannot = useAppState(cannotWatch);
  if (watch === null || (watch.look === null && !watch.on && watch.failure === null)) {
    return (
      <p className="watch-off">
        {cannot === null
          ? 'Nobody is watched. Fleet is asked which devices it has heard from once you start, and never before.'
          : `Nobody is watched. ${cannot}`}
      </p>
    );
  }
  return (
    <section className="watch" aria-label="Progress">
      {watch.look === null ? (
        <p className="watch-first muted">
          {watch.asking ? 'Fleet is asked for the first time…' : 'Fleet has not answered yet.'}
        </p>
      ) : (
        <>
          <Numbers counts={watch.look.counts} filter={filter} onChange={onChange} />
          <Progress watch={watch} counts={watch.look.counts} version={watch.look.version} />
        </>
      )}
      <Asking watch={watch} />
    </section>
  );
}

const IMPORTED: readonly WatchState[] = ['waiting', 'migrated', 'stale', 'lost'];

/** Filters by states, and nothing else. */
function statesOnly(states: readonly WatchState[], attention: readonly string[] = []): DeviceFilter {
  return { ...EVERY_DEVICE, states: [...states], attention: [...attention], sort: 'state' };
}

interface NumbersProps extends WatchHeaderProps {
  readonly counts: WatchCounts;
}

function Numbers({ counts, filter, onChange }: NumbersProps): React.JSX.Element {
  const silent = counts.stale + counts.lost;
  const pick = (states: readonly WatchState[], attention: readonly string[] = []): Picked => {
    const wanted = statesOnly(states, attention);
    const on =
      same(filter.states, wanted.states) &&
      same(filter.attention, wanted.attention) &&
      filter.states.length + filter.attention.length > 0;
    return {
      on,
      run: () => {
        onChange(on ? EVERY_DEVICE : wanted);
      },
    };
  };
  return (
    <div className="watch-numbers">
      <Figure value={counts.imported} label="imported" note={`of ${grouped(counts.size)}`} picked={pick(IMPORTED)} />
      <ChevronRight size={14} aria-hidden />
      <Figure value={counts.agent} label="with agent" />
      <ChevronRight size={14} aria-hidden />
      <Figure
        value={counts.migrated}
        label="migrated"
        note={percent(counts.migrated, counts.imported)}
        tone="good"
        picked={pick(['migrated'])}
      />
      <span className="watch-divider" />
      <Figure value={counts.waiting} label="waiting" tone="info" picked={pick(['waiting'])} />
      {silent > 0 && <Figure value={silent} label="stale or lost" tone="bad" picked={pick(['stale', 'lost'])} />}
      <Figure
        value={counts.importedAttention}
        label="attention"
        tone={counts.importedAttention > 0 ? 'caution' : undefined}
        picked={pick(IMPORTED, [ANY_ATTENTION])}
      />
    </div>
  );
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((value) => other.includes(value));
}

interface Picked {
  readonly on: boolean;
  readonly run: () => void;
}

interface FigureProps {
  readonly value: number;
  readonly label: string;
  readonly note?: string;
  readonly tone?: Tone | undefined;
  readonly picked?: Picked;
}

function Figure({ value, label, note, tone, picked }: FigureProps): React.JSX.Element {
  const content = (
    <>
      <span className="watch-value">{grouped(value)}</span>
      <span className="watch-label">
        {tone !== undefined && <ToneIcon tone={tone} />}
        {label}
        {note !== undefined && <span className="watch-note">{note}</span>}
      </span>
    </>
  );
  return picked === undefined ? (
    <div className="watch-figure">{content}</div>
  ) : (
    <button type="button" className="watch-figure" aria-pressed={picked.on} onClick={picked.run}>
      {content}
    </button>
  );
}

interface ProgressProps {
  readonly watch: WatchSummary;
  readonly counts: WatchCounts;
  readonly version: number;
}

function Progress({ watch, counts, version }: ProgressProps): React.JSX.Element {
  const { reply } = useAnswer('watch.series', undefined, version);
  const series = reply?.ok === true ? reply.value : null;
  const silent = counts.size - counts.imported - counts.unknown;
  const shares = (
    [
      ['migrated', counts.migrated],
      ['stale', counts.stale],
      ['lost', counts.lost],
      ['waiting', counts.waiting],
      ['unknown', counts.unknown],
      ['not-imported', silent],
    ] as const
  ).map(([state, value]) => ({
    key: state,
    value,
    tone: WATCH_LOOKS[state].tone,
    label: WATCH_LOOKS[state].word.toLowerCase(),
  }));
  return (
    <div className="watch-progress">
      {series !== null && series.points.length > 1 ? (
        <WatchChart series={series} goal={counts.imported} />
      ) : (
        <StackedBar label="Devices" shares={shares} legend={false} />
      )}
      <div className="watch-outlook">
        <p>{outlookOf(watch)}</p>
        <When watch={watch} />
      </div>
    </div>
  );
}

/** When Fleet answered last, and when it is asked next. */
function When({ watch }: { readonly watch: WatchSummary }): React.JSX.Element {
  const now = useSeconds(watch.on);
  return <p title={watch.lookedAt === null ? undefined : utc(watch.lookedAt)}>{whenOf(watch, now)}</p>;
}

/** “84 an hour, the last of 312 about 21:40”. */
function outlookOf({ look }: WatchSummary): string {
  if (look === null) return '';
  const { remaining, perHour, expectedEnd, why } = look.outlook;
  if (remaining === 0) return look.counts.imported === 0 ? 'Nothing is imported yet.' : 'Nobody is waited for.';
  const rate = perHour === null || perHour < 1 ? null : `${grouped(perHour)} an hour`;
  if (expectedEnd !== null) {
    return `${rate ?? ''}, the last of ${grouped(remaining)} about ${clock(expectedEnd)}`;
  }
  return [rate, why].filter((part) => part !== null).join('. ');
}

const INTERVALS = [
  [10, 'every 10 s'],
  [30, 'every 30 s'],
  [60, 'every minute'],
  [300, 'every 5 min'],
  [900, 'every 15 min'],
] as const;

function Asking({ watch }: { readonly watch: WatchSummary }): React.JSX.Element {
  const settings = useAppState((state) => state.workspace?.settings.watch ?? null);
  const ask = useAppState((state) => state);
  const { failure, look } = watch;
  return (
    <>
      <div className="watch-asking">
        {settings !== null && (
          <Select
            aria-label="How often Fleet is asked"
            size="xs"
            w={124}
            allowDeselect={false}
            value={String(settings.interval)}
            data={choicesFor(settings.interval)}
            onChange={(value) => {
              const interval = Number(value);
              if (interval > 0) void perform('devices', 'workspace.save', { watch: { ...settings, interval } });
            }}
          />
        )}
        {watch.on && (
          <>
            <Tool action={askNow(ask)} />
            <Tool action={stopWatching()} />
          </>
        )}
      </div>
      {failure !== null && (
        <p className="watch-trouble watch-failing">
          <SeverityIcon severity="warning" size={14} />
          <Prose text={`${failure.message} ${failure.remedy}`} /> <span className="watch-code">{failure.code}</span>
        </p>
      )}
      {look !== null && look.missing.length > 0 && (
        <p className="watch-trouble muted" title={look.missing.map(({ message }) => message).join('\n')}>
          <Prose text={`Not everything may be asked: ${look.missing[0]?.message ?? ''}`} />
        </p>
      )}
    </>
  );
}

function Tool({ action }: { readonly action: ReturnType<typeof askNow> }): React.JSX.Element | null {
  const { icon, label, run, cannot } = action;
  if (icon === undefined) return null;
  return (
    <IconButton
      icon={icon}
      label={label}
      aria-disabled={cannot == null ? undefined : true}
      onClick={() => {
        if (cannot == null) run();
      }}
    />
  );
}

function whenOf({ on, asking, lookedAt, nextAt, failed }: WatchSummary, now: number): string {
  const asked = lookedAt === null ? null : `Fleet answered ${span((now - lookedAt) / 1000)} ago`;
  if (!on) return asked === null ? 'Not watching.' : `Not watching any more. ${asked}.`;
  if (asking) return asked === null ? 'Asking…' : `${asked}, asking…`;
  const next = nextAt === null ? '' : `again in ${span(Math.max(0, nextAt - now) / 1000)}`;
  const tries = failed > 1 ? `, failed ${failed} times` : '';
  return `${[asked, next].filter((part) => part !== null && part !== '').join(', ')}${tries}.`;
}

function choicesFor(interval: number): { value: string; label: string }[] {
  const known = INTERVALS.map(([seconds, label]) => ({ value: String(seconds), label }));
  return known.some(({ value }) => value === String(interval))
    ? known
    : [{ value: String(interval), label: `every ${span(interval)}` }, ...known];
}

/** The clock by the second, while something counts down. */
function useSeconds(on: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const tick = (): void => {
      setNow(Date.now());
    };
    tick();
    if (!on) return;
    const timer = setInterval(tick, 1_000);
    return () => {
      clearInterval(timer);
    };
  }, [on]);
  return now;
}
