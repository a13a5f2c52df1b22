/** Why devices are held or blocked; cautions are accepted here by name and with a reason. And the optional steps. */
import { ArrowRight } from 'lucide-react';
import { useState } from 'react';
import type { PlanSummary } from '../../../contract/state';
import { CheckField, TextField } from '../../components/field';
import { Panel } from '../../components/panel';
import { Prose } from '../../components/prose';
import { SeverityIcon } from '../../components/severity-icon';
import { counted } from '../../format/number';
import { inWords } from '../../format/words';
import { perform } from '../../hooks/use-call';
import { useAppState } from '../../stores/app-state';
import { hashOf } from '../../stores/route';
import { OptionalSteps } from './optional-steps';

type PlanReason = PlanSummary['reasons'][number];

const NONE: readonly string[] = [];

export function CautionList({ plan }: { readonly plan: PlanSummary }): React.JSX.Element {
  const cautions = useCautions(plan);
  const blocks = plan.reasons.filter(({ held }) => !held);
  return (
    <div className="plan-page">
      <Panel
        title="Cautions"
        sentence={
          cautions.length === 0
            ? 'No device is held for a caution.'
            : 'A device goes in when each of its cautions is accepted. What is accepted is taken up when the plan is made anew.'
        }
        flush={cautions.length > 0}
      >
        {cautions.length === 0 ? undefined : (
          <>
            <AcceptedReason />
            <ul className="plan-reasons">
              {cautions.map((reason) => (
                <Caution key={reason.code} reason={reason} />
              ))}
            </ul>
          </>
        )}
      </Panel>
      {blocks.length > 0 && (
        <Panel
          title="Blocked"
          sentence="These cannot be accepted: settle what is named, then read the source again."
          flush
        >
          <ul className="plan-reasons">
            {blocks.map((reason) => (
              <li key={reason.code} className="plan-reason">
                <SeverityIcon severity="block" />
                <ReasonText reason={reason} />
                <DevicesLink reason={reason} action="blocked" />
              </li>
            ))}
          </ul>
        </Panel>
      )}
      <OptionalSteps plan={plan} />
    </div>
  );
}

/** What holds devices now, and what was accepted so that it holds none. */
function useCautions(plan: PlanSummary): readonly PlanReason[] {
  const known = useAppState((state) => state.source?.reasons ?? null);
  const accepted = useAppState((state) => state.workspace?.settings.accepted ?? NONE);
  const held = plan.reasons.filter((reason) => reason.held);
  const codes = new Set([...plan.accepted, ...accepted]);
  const others = [...codes]
    .filter((code) => !held.some((reason) => reason.code === code))
    .flatMap((code) => {
      const reason = known?.find((one) => one.code === code && one.severity === 'caution');
      // Codes of checks are accepted as well; those belong to Checks.
      if (reason === undefined && !plan.accepted.includes(code)) return [];
      return [
        {
          code,
          held: true,
          count: reason?.count ?? 0,
          sentence: reason?.sentence ?? `${inWords(code)}.`,
          remedy: reason?.remedy ?? '',
        },
      ];
    });
  return [...held, ...others];
}

function Caution({ reason }: { readonly reason: PlanReason }): React.JSX.Element {
  const accepted = useAppState((state) => state.workspace?.settings.accepted ?? NONE);
  const { code } = reason;
  const isAccepted = accepted.includes(code);
  return (
    <li className="plan-reason">
      <SeverityIcon severity="caution" />
      <ReasonText reason={reason} />
      <DevicesLink reason={reason} action={null} />
      <CheckField
        label={
          <>
            Accept<span className="unseen"> {inWords(code)}</span>
          </>
        }
        checked={isAccepted}
        onChange={(checked) => {
          const next = checked ? [...accepted, code] : accepted.filter((other) => other !== code);
          void perform('plan', 'workspace.save', { accepted: next });
        }}
      />
    </li>
  );
}

function ReasonText({ reason }: { readonly reason: PlanReason }): React.JSX.Element {
  return (
    <div className="plan-reason-text">
      <p>
        <Prose text={reason.sentence} />
      </p>
      {reason.remedy !== '' && (
        <p className="muted">
          <Prose text={reason.remedy} />
        </p>
      )}
      <p className="plan-code">{reason.code}</p>
    </div>
  );
}

interface DevicesLinkProps {
  readonly reason: PlanReason;
  readonly action: 'blocked' | null;
}

function DevicesLink({ reason, action }: DevicesLinkProps): React.JSX.Element {
  if (reason.count === 0) return <span className="muted">none held</span>;
  const query = new URLSearchParams({ reason: reason.code, ...(action === null ? {} : { action }) });
  return (
    <a className="plan-link" href={hashOf('plan', query.toString())}>
      {counted(reason.count, 'device')}
      <ArrowRight size={14} aria-hidden />
    </a>
  );
}

/** Why, in the operator’s words; saved when the field is left. */
function AcceptedReason(): React.JSX.Element {
  const saved = useAppState((state) => state.workspace?.settings.reason ?? '');
  const some = useAppState((state) => (state.workspace?.settings.accepted.length ?? 0) > 0);
  const [typed, setTyped] = useState<string | null>(null);
  const text = typed ?? saved;
  return (
    <div className="plan-why">
      <TextField
        label="Why they are accepted"
        hint={
          some && text.trim() === '' ? (
            <span className="tone-caution">
              None is given so far. One reason for all of them is written into the plan, the journal and the report.
            </span>
          ) : (
            'One reason for all of them. It is written into the plan, the journal and the report.'
          )
        }
        placeholder="Agreed with whom, and why it may be so"
        value={text}
        onChange={setTyped}
        onBlur={() => {
          if (typed !== null && typed !== saved) void perform('plan', 'workspace.save', { reason: typed.trim() });
        }}
      />
    </div>
  );
}
