/** The waves in their order: who, on which condition, how far each came; and the way back of those that moved. */
import { BellRing, Circle, CircleCheck, CircleDot, CircleDashed, Undo2, type LucideIcon } from 'lucide-react';
import type { LadderView, RungView } from '../../../contract/waves';
import { Button } from '../../components/button';
import { Panel } from '../../components/panel';
import { TimeText } from '../../components/time-text';
import { counted, grouped, percent } from '../../format/number';
import { useAppState } from '../../stores/app-state';
import { openDialog } from '../../stores/ui';
import { backDialog, cannotMove, lookAtWave, wakeDialog } from './waves-actions';

const MARKS: Readonly<Record<RungView['state'] | 'next', { icon: LucideIcon; tone: string; word: string }>> = {
  moved: { icon: CircleCheck, tone: 'tone-good', word: 'moved' },
  moving: { icon: CircleDashed, tone: 'tone-caution', word: 'begun' },
  next: { icon: CircleDot, tone: 'tone-info', word: 'next' },
  waiting: { icon: Circle, tone: 'tone-quiet', word: 'later' },
  back: { icon: Undo2, tone: 'tone-caution', word: 'led back' },
};

export function WaveLadder({ ladder }: { readonly ladder: LadderView }): React.JSX.Element {
  return (
    <Panel
      title="Ladder"
      flush
      aside={
        <span className="muted">
          the last wave has moved by <TimeText at={ladder.ends} as="day" />
        </span>
      }
    >
      <ol className="wave-rungs" aria-label="Waves">
        {ladder.rungs.map((rung, index) => (
          <WaveRung key={rung.name} rung={rung} first={index === 0} next={ladder.next === rung.name} />
        ))}
      </ol>
    </Panel>
  );
}

interface WaveRungProps {
  readonly rung: RungView;
  readonly first: boolean;
  readonly next: boolean;
}

function WaveRung({ rung, first, next }: WaveRungProps): React.JSX.Element {
  const cannot = useAppState(cannotMove);
  const watched = useAppState((state) => state.watch?.look?.waves.find(({ name }) => name === rung.name) ?? null);
  const state = next && rung.state === 'waiting' ? 'next' : rung.state;
  const { icon: Icon, tone, word } = MARKS[state];
  const { moved, left } = rung;
  return (
    <li className="wave-rung" aria-current={next ? 'step' : undefined}>
      <Icon className={tone} size={18} aria-hidden />
      <div className="wave-rung-what">
        <h3>
          {rung.name} <span className={`wave-rung-word ${tone}`}>{word}</span>
        </h3>
        <p>
          {rung.words}
          {!first && (
            <span className="muted">
              {' '}
              once {rung.migrated} % of the wave before have migrated
              {rung.attention === 0
                ? ' and none needs attention'
                : `, at most ${grouped(rung.attention)} needing attention`}
            </span>
          )}
        </p>
      </div>
      <div className="wave-rung-counts">
        {moved > 0 && <p>{counted(moved, 'device')} at Fleet</p>}
        {moved > 0 && watched !== null && (
          <p className="muted">
            {grouped(watched.migrated)} heard of ({percent(watched.migrated, watched.size)})
            {watched.attention > 0 && `, ${grouped(watched.attention)} need attention`}
          </p>
        )}
        {left > 0 && <p className="muted">{counted(left, 'device')} stayed behind</p>}
        {rung.movedAt !== null && (
          <p className="muted">
            <TimeText at={rung.movedAt} />
            {rung.by !== null && `, ${rung.by}`}
          </p>
        )}
      </div>
      <div className="wave-rung-acts">
        {rung.state === 'moved' && left > 0 && (
          <Button
            cannot={cannot}
            variant="quiet"
            onClick={() => {
              lookAtWave(rung.name);
            }}
          >
            Try those again
          </Button>
        )}
        {moved > 0 && (
          <Button
            icon={BellRing}
            cannot={cannot}
            onClick={() => {
              openDialog(wakeDialog(rung.name));
            }}
          >
            Wake…
          </Button>
        )}
        {moved > 0 && (
          <Button
            icon={Undo2}
            danger
            cannot={cannot}
            onClick={() => {
              openDialog(backDialog(rung.name));
            }}
          >
            Go back…
          </Button>
        )}
      </div>
    </li>
  );
}
