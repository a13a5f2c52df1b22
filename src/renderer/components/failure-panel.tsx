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
  /** More of it: a list of what is wrong. */
  readonly children?: React.ReactNode;
}

export function FailurePanel({ failure, why, actions, onDismiss, children }: FailurePanelProps): React.JSX.Element {
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
      >
        {children}
      </ProblemNote>
      {onDismiss !== undefined && <IconButton icon={X} label="Put this away" onClick={onDismiss} />}
    </div>
  );
}
