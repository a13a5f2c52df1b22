/** A device's verdict and what the plan does with it: icon and word, the same everywhere. */
import { CircleCheck, CircleMinus, CircleX, Hand, Plus, RefreshCw, TriangleAlert, type LucideIcon } from 'lucide-react';
import type { DeviceRow } from '../../contract/devices';
import { Badge } from './badge';
import type { Tone } from './tone';

export type Verdict = DeviceRow['verdict'];
export type PlanAction = NonNullable<DeviceRow['action']>;

interface Look {
  readonly word: string;
  readonly tone: Tone;
  readonly icon: LucideIcon;
  readonly sentence: string;
}

export const VERDICT_LOOKS: Readonly<Record<Verdict, Look>> = {
  ready: { word: 'Ready', tone: 'good', icon: CircleCheck, sentence: 'It can move as it is.' },
  caution: {
    word: 'Caution',
    tone: 'caution',
    icon: TriangleAlert,
    sentence: 'It moves once its cautions are accepted by name.',
  },
  blocked: { word: 'Blocked', tone: 'bad', icon: CircleX, sentence: 'It cannot move this way.' },
};

export const ACTION_LOOKS: Readonly<Record<PlanAction, Look>> = {
  insert: { word: 'Insert', tone: 'info', icon: Plus, sentence: 'Its rows are new to Fleet.' },
  refresh: {
    word: 'Refresh',
    tone: 'renew',
    icon: RefreshCw,
    sentence: 'Its imported rows are brought up to date; nothing has touched them since.',
  },
  keep: {
    word: 'Keep',
    tone: 'quiet',
    icon: CircleMinus,
    sentence: 'Fleet or the device has touched it: it is never overwritten.',
  },
  held: {
    word: 'Held',
    tone: 'caution',
    icon: Hand,
    sentence: 'It is held back until something is accepted or settled.',
  },
  blocked: { word: 'Blocked', tone: 'bad', icon: CircleX, sentence: 'It cannot move this way.' },
};

export function VerdictBadge({
  verdict,
  bare,
}: {
  readonly verdict: Verdict;
  readonly bare?: boolean;
}): React.JSX.Element {
  const { tone, icon, word } = VERDICT_LOOKS[verdict];
  return (
    <Badge tone={tone} icon={icon} bare={bare}>
      {word}
    </Badge>
  );
}

export function ActionBadge({
  action,
  bare,
}: {
  readonly action: PlanAction;
  readonly bare?: boolean;
}): React.JSX.Element {
  const { tone, icon, word } = ACTION_LOOKS[action];
  return (
    <Badge tone={tone} icon={icon} bare={bare}>
      {word}
    </Badge>
  );
}
