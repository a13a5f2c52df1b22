/** A word with its icon in a tone: `bare` without ground, for tables. */
import type { LucideIcon } from 'lucide-react';
import type { Tone } from './tone';
import './badge.css';

interface BadgeProps {
  readonly tone: Tone;
  readonly icon?: LucideIcon | undefined;
  readonly bare?: boolean | undefined;
  readonly children: React.ReactNode;
}

export function Badge({ tone, icon: Icon, bare = false, children }: BadgeProps): React.JSX.Element {
  return (
    <span className={`badge tone-${tone} ${bare ? 'badge-bare' : ''}`}>
      {Icon !== undefined && <Icon size={14} aria-hidden />}
      {children}
    </span>
  );
}
