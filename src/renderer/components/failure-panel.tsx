/** Something that was asked for did not work. It stays in place, keeps what was typed, and offers the next step. */
import { X } from 'lucide-react';
import type { ReplyFailure } from '../../contract/reply';
import type { Action } from './action';
import { IconButton } from './button';
import { ProblemNote } from './problem-note';
import './failure-panel.css';

interface FailurePanelProps {
  readonly failure: ReplyFailure;
  /** Why it matters here, where the failure itself does not say. */
  readonly why?: string | undefined;
  readonly actions?: readonly Action[] | undefined;
  readonly onDismiss?: (() => void) | undefined;
}

export function FailurePanel({ failure, why, actions, onDismiss }: FailurePanelProps): React.JSX.Element {
  return (
    <div className="failure" role="alert">
      <ProblemNote
        severity="error"
        what={failure.message}
        why={why}
        remedy={failure.remedy}
        code={failure.code}
        actions={actions}
        plain
      />
      {onDismiss !== undefined && <IconButton icon={X} label="Put this away" onClick={onDismiss} />}
    </div>
  );
}
