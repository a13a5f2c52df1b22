/** What was found in the source that is no single device’s: by severity, with what it is about. */
import { useState } from 'react';
import type { SourceSummary } from '../../../contract/state';
import { Button } from '../../components/button';
import { Panel } from '../../components/panel';
import { Prose } from '../../components/prose';
import { SeverityIcon } from '../../components/severity-icon';
import { SubjectList } from '../../components/subject-list';
import { counted } from '../../format/number';

type Finding = SourceSummary['findings'][number];

const AT_FIRST = 12;
const WEIGHTS = { error: 0, warning: 1, info: 2 } as const;

export function FindingList({ findings }: { readonly findings: readonly Finding[] }): React.JSX.Element | null {
  const [all, setAll] = useState(false);
  if (findings.length === 0) return null;
  const sorted = [...findings].sort((one, other) => WEIGHTS[one.severity] - WEIGHTS[other.severity]);
  const shown = all ? sorted : sorted.slice(0, AT_FIRST);
  return (
    <Panel title="Findings" sentence={tally(findings)} flush>
      <ul className="source-reasons">
        {shown.map(({ code, severity, detail, subjects }, index) => (
          <li key={`${index} ${code}`} className="source-reason">
            <SeverityIcon severity={severity} />
            <div className="source-reason-text">
              <p>
                <Prose text={detail} />
              </p>
              <SubjectList subjects={subjects} />
              <p className="source-code">{code}</p>
            </div>
          </li>
        ))}
        {sorted.length > AT_FIRST && (
          <li className="source-all">
            <Button
              variant="quiet"
              aria-expanded={all}
              onClick={() => {
                setAll(!all);
              }}
            >
              {all ? 'Show fewer' : `Show all ${counted(sorted.length, 'finding')}`}
            </Button>
          </li>
        )}
      </ul>
    </Panel>
  );
}

function tally(findings: readonly Finding[]): string {
  const of = (severity: Finding['severity']): number => findings.filter((one) => one.severity === severity).length;
  const parts = [
    [of('error'), 'error'],
    [of('warning'), 'warning'],
    [of('info'), 'note'],
  ] as const;
  return `${parts
    .filter(([count]) => count > 0)
    .map(([count, word]) => counted(count, word))
    .join(', ')} about the source as a whole.`;
}
