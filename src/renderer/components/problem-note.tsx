/** A problem as the operator needs it: what happened, why it matters for this migration, what to do; the code small. */
import type { Action } from './action';
import { Button } from './button';
import { Prose } from './prose';
import { SeverityIcon, type Severity } from './severity-icon';
import './problem-note.css';

interface ProblemNoteProps {
  readonly severity: Severity;
  readonly what: string;
  readonly why?: string | undefined;
  readonly remedy?: string | undefined;
  readonly code?: string | undefined;
  readonly actions?: readonly Action[] | undefined;
  /** Without a border, inside a list or a panel. */
  readonly plain?: boolean | undefined;
  /** More below the remedy: a command to copy, a list of subjects. */
  readonly children?: React.ReactNode;
}

export function ProblemNote({
  severity,
  what,
  why,
  remedy,
  code,
  actions = [],
  plain = false,
  children,
}: ProblemNoteProps): React.JSX.Element {
  return (
    <div className={plain ? 'problem problem-plain' : 'problem'}>
      <SeverityIcon severity={severity} />
      <div className="problem-text">
        <p className="problem-what">
          <Prose text={what} />
        </p>
        {why !== undefined && why !== '' && (
          <p className="muted">
            <Prose text={why} />
          </p>
        )}
        {remedy !== undefined && remedy !== '' && (
          <p>
            <Prose text={remedy} />
          </p>
        )}
        {children}
        {code !== undefined && <p className="problem-code">{code}</p>}
      </div>
      <div className="problem-actions">
        {actions.map(({ id, label, icon, run, cannot, danger }) => (
          <Button key={id} icon={icon} onClick={run} cannot={cannot} danger={danger}>
            {label}
          </Button>
        ))}
      </div>
    </div>
  );
}
