/** Why devices cannot move as they are: by weight, each with its count, opening the devices it concerns. */
import { ArrowRight } from 'lucide-react';
import type { SourceSummary } from '../../../contract/state';
import { Panel } from '../../components/panel';
import { Prose } from '../../components/prose';
import { SeverityIcon } from '../../components/severity-icon';
import { counted } from '../../format/number';
import { hashOf } from '../../stores/route';

type Reason = SourceSummary['reasons'][number];

const GROUPS = [
  { severity: 'block', title: 'Cannot move', sentence: 'These devices stay out until what is named is settled.' },
  {
    severity: 'caution',
    title: 'Move once accepted',
    sentence: 'They go in when somebody accepts the caution by name, at Plan.',
  },
  { severity: 'note', title: 'Good to know', sentence: 'Nothing is held up by these.' },
] as const;

export function ReasonList({ reasons }: { readonly reasons: readonly Reason[] }): React.JSX.Element {
  if (reasons.length === 0) {
    return <Panel title="Reasons" sentence="No device has anything against it." />;
  }
  return (
    <>
      {GROUPS.map(({ severity, title, sentence }) => {
        const list = reasons.filter((reason) => reason.severity === severity);
        return list.length === 0 ? null : (
          <Panel key={severity} title={title} sentence={sentence} flush>
            <ul className="source-reasons">
              {list.map((reason) => (
                <ReasonRow key={`${reason.code} ${reason.sentence}`} reason={reason} />
              ))}
            </ul>
          </Panel>
        );
      })}
    </>
  );
}

function ReasonRow({ reason }: { readonly reason: Reason }): React.JSX.Element {
  const { code, severity, sentence, remedy, count } = reason;
  return (
    <li className="source-reason">
      <SeverityIcon severity={severity} />
      <div className="source-reason-text">
        <p>
          <Prose text={sentence} />
        </p>
        <p className="muted">
          <Prose text={remedy} />
        </p>
        <p className="source-code">{code}</p>
      </div>
      <a className="source-link" href={hashOf('devices', new URLSearchParams({ reason: code }).toString())}>
        {counted(count, 'device')}
        <ArrowRight size={14} aria-hidden />
      </a>
    </li>
  );
}
