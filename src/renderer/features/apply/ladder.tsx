/** The three steps of writing, each with whether and when it was done. */
import { Circle, CircleCheck, CircleDot, TriangleAlert, type LucideIcon } from 'lucide-react';
import { Button } from '../../components/button';
import { TimeText } from '../../components/time-text';
import type { Action } from '../../components/action';
import { counted } from '../../format/number';
import { useAppState } from '../../stores/app-state';
import { applyMore, applyPrimary } from './apply-actions';
import { goingIn, isClean, isTakenBack, type Standing } from './apply-standing';

interface Rung {
  readonly title: string;
  readonly sentence: string;
  readonly state: 'done' | 'next' | 'later' | 'attention';
  readonly at: number | null;
  readonly actions: readonly string[];
}

const MARKS: Readonly<Record<Rung['state'], { icon: LucideIcon; tone: string; word: string }>> = {
  done: { icon: CircleCheck, tone: 'tone-good', word: 'done' },
  next: { icon: CircleDot, tone: 'tone-info', word: 'next' },
  later: { icon: Circle, tone: 'tone-quiet', word: 'later' },
  attention: { icon: TriangleAlert, tone: 'tone-caution', word: 'needs attention' },
};

export function Ladder({ standing }: { readonly standing: Standing }): React.JSX.Element {
  const state = useAppState((whole) => whole);
  const first = applyPrimary(state)?.id;
  // The primary action stands in the top bar; here are the others.
  const actions = applyMore(state).filter(({ id }) => id !== first);
  return (
    <ol className="ladder" aria-label="Rehearse, write, read back">
      {rungsOf(standing).map(({ title, sentence, state: mark, at, actions: own }) => {
        const { icon: Icon, tone, word } = MARKS[mark];
        return (
          <li key={title} className={`rung rung-${mark}`} aria-current={mark === 'next' ? 'step' : undefined}>
            <Icon className={tone} size={18} aria-hidden />
            <h2>
              {title}
              <span className="unseen">, {word}</span>
            </h2>
            <p>
              {sentence}
              {at !== null && (
                <span className="muted">
                  {' '}
                  <TimeText at={at} as="distance" />
                </span>
              )}
            </p>
            <div className="rung-actions">
              {own.map((id) => (
                <Rerun key={id} action={actions.find((action) => action.id === id)} />
              ))}
            </div>
          </li>
        );
      })}
    </ol>
  );
}

function Rerun({ action }: { readonly action: Action | undefined }): React.JSX.Element | null {
  if (action === undefined) return null;
  return (
    <Button icon={action.icon} variant="quiet" cannot={action.cannot} onClick={action.run}>
      {action.label}
    </Button>
  );
}

function rungsOf({ plan, rehearsal, applied, verified, undone }: Standing): Rung[] {
  const all = counted(goingIn(plan), 'device');
  const rehearsed = rehearsal?.state === 'complete';
  const back = isTakenBack(undone) ? undone : null;
  const clean = verified !== null && isClean(verified);
  const written = applied === null ? 0 : Object.values(pickWritten(applied.counts)).reduce((a, b) => a + b, 0);
  return [
    {
      title: 'Rehearse',
      sentence: rehearsed
        ? `${counted(rehearsal.counts.planned, 'device')} rehearsed and rolled back.`
        : 'The same work on the real server, then rolled back.',
      state: rehearsed
        ? rehearsal.counts.held > 0 && applied === null
          ? 'attention'
          : 'done'
        : applied === null
          ? 'next'
          : 'later',
      at: rehearsed ? rehearsal.finishedAt : null,
      actions: applied === null ? ['rehearse'] : [],
    },
    {
      title: 'Write',
      sentence:
        applied === null
          ? `${all}, in transactions, each journaled before and after.`
          : applied.state === 'stopped'
            ? `Stopped: ${counted(written, 'device')} written, ${counted(applied.counts.left, 'device')} not reached.`
            : back !== null
              ? `${counted(written, 'device')} written, ${counted(back.counts.removed + back.counts.gone, 'device')} taken back.`
              : `${counted(written, 'device')} in Fleet.`,
      state:
        applied === null
          ? rehearsed
            ? 'next'
            : 'later'
          : applied.state === 'stopped' || applied.counts.held > 0 || back !== null
            ? 'attention'
            : 'done',
      at: applied?.finishedAt ?? null,
      actions: applied === null ? ['write'] : [],
    },
    {
      title: 'Read back',
      sentence:
        verified === null
          ? 'Every row is read again and compared with what was derived from the source.'
          : clean
            ? `${counted(verified.counts.devices, 'device')} compared, as they should be.`
            : `${counted(verified.counts.devices, 'device')} compared; some are other than they should be.`,
      state: verified === null ? (applied === null || back !== null ? 'later' : 'next') : clean ? 'done' : 'attention',
      at: verified?.at ?? null,
      actions: applied === null ? [] : ['verify'],
    },
  ];
}

function pickWritten({
  inserted,
  refreshed,
  unchanged,
  already,
}: NonNullable<Standing['applied']>['counts']): Record<string, number> {
  return { inserted, refreshed, unchanged, already };
}
