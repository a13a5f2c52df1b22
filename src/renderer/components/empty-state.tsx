/** Nothing here yet: one sentence that teaches, one action, perhaps a way to the sample. */
import type { LucideIcon } from 'lucide-react';
import type { Action } from './action';
import { Button } from './button';
import './empty-state.css';

interface EmptyStateProps {
  readonly icon: LucideIcon;
  readonly title: string;
  readonly sentence: string;
  readonly actions?: readonly Action[] | undefined;
}

export function EmptyState({ icon: Icon, title, sentence, actions = [] }: EmptyStateProps): React.JSX.Element {
  return (
    <div className="empty">
      <Icon size={28} strokeWidth={1.5} aria-hidden />
      <h2>{title}</h2>
      <p>{sentence}</p>
      {actions.length > 0 && (
        <div className="empty-actions">
          {actions.map(({ id, label, icon, run, cannot }) => (
            <Button key={id} icon={icon} onClick={run} cannot={cannot}>
              {label}
            </Button>
          ))}
        </div>
      )}
    </div>
  );
}
