/** Where a device stands on its way to Fleet: icon and word, the same everywhere. */
import { CircleCheckBig, CircleDashed, CircleHelp, CircleX, Clock, Hourglass, type LucideIcon } from 'lucide-react';
import type { WatchState } from '../../contract/watch';
import { Badge } from './badge';
import type { Tone } from './tone';

interface Look {
  readonly word: string;
  readonly tone: Tone;
  readonly icon: LucideIcon;
  readonly sentence: string;
}

export const WATCH_LOOKS: Readonly<Record<WatchState, Look>> = {
  'not-imported': {
    word: 'Not imported',
    tone: 'quiet',
    icon: CircleDashed,
    sentence: 'Fleet has no rows of it.',
  },
  waiting: {
    word: 'Waiting',
    tone: 'info',
    icon: Hourglass,
    sentence: 'Its rows are in Fleet, and Fleet has not heard from it since.',
  },
  migrated: {
    word: 'Migrated',
    tone: 'good',
    icon: CircleCheckBig,
    sentence: 'Fleet itself has heard from it since its import.',
  },
  stale: {
    word: 'Stale',
    tone: 'caution',
    icon: Clock,
    sentence: 'Fleet has heard from it since its import, but not for long.',
  },
  lost: {
    word: 'Lost',
    tone: 'bad',
    icon: CircleX,
    sentence: 'It was switched off in Fleet or unenrolled after its import.',
  },
  unknown: {
    word: 'Unknown',
    tone: 'quiet',
    icon: CircleHelp,
    sentence: 'It cannot be told from what could be asked.',
  },
};

interface WatchBadgeProps {
  readonly state: WatchState;
  readonly bare?: boolean;
}

export function WatchBadge({ state, bare }: WatchBadgeProps): React.JSX.Element {
  const { tone, icon, word } = WATCH_LOOKS[state];
  return (
    <Badge tone={tone} icon={icon} bare={bare}>
      {word}
    </Badge>
  );
}
