/** How grave something is, as an icon with its word for screen readers. One look for findings, reasons and checks. */
import {
  CircleAlert,
  CircleCheck,
  CircleDashed,
  CircleX,
  Info,
  RefreshCw,
  TriangleAlert,
  type LucideIcon,
} from 'lucide-react';
import type { Tone } from './tone';
import './badge.css';

export type Severity =
  'note' | 'info' | 'caution' | 'warning' | 'warn' | 'block' | 'error' | 'fail' | 'pass' | 'skipped';

interface Look {
  readonly tone: Tone;
  readonly icon: LucideIcon;
  readonly word: string;
}

const LOOKS: Readonly<Record<Severity, Look>> = {
  note: { tone: 'info', icon: Info, word: 'Note' },
  info: { tone: 'info', icon: Info, word: 'Note' },
  caution: { tone: 'caution', icon: TriangleAlert, word: 'Caution' },
  warning: { tone: 'caution', icon: TriangleAlert, word: 'Warning' },
  warn: { tone: 'caution', icon: TriangleAlert, word: 'Warning' },
  block: { tone: 'bad', icon: CircleX, word: 'Blocks' },
  error: { tone: 'bad', icon: CircleX, word: 'Error' },
  fail: { tone: 'bad', icon: CircleX, word: 'Failed' },
  pass: { tone: 'good', icon: CircleCheck, word: 'Passed' },
  skipped: { tone: 'quiet', icon: CircleDashed, word: 'Skipped' },
};

interface SeverityIconProps {
  readonly severity: Severity;
  /** Shows the word beside the icon instead of saying it to screen readers only. */
  readonly worded?: boolean | undefined;
  readonly size?: number | undefined;
}

export function SeverityIcon({ severity, worded = false, size = 16 }: SeverityIconProps): React.JSX.Element {
  const { tone, icon: Icon, word } = LOOKS[severity];
  return (
    <span className={`badge badge-bare tone-${tone}`}>
      <Icon size={size} aria-hidden />
      <span className={worded ? '' : 'unseen'}>{word}</span>
    </span>
  );
}

const TONE_ICONS: Readonly<Record<Tone, LucideIcon>> = {
  good: CircleCheck,
  info: Info,
  caution: TriangleAlert,
  bad: CircleX,
  quiet: CircleDashed,
  renew: RefreshCw,
};

/** A tone's plain icon, beside words that already say what it means. */
export function ToneIcon({ tone }: { readonly tone: Tone }): React.JSX.Element {
  const Icon = tone === 'bad' ? CircleAlert : TONE_ICONS[tone];
  return <Icon className={`tone-icon tone-${tone}`} size={14} aria-hidden />;
}
