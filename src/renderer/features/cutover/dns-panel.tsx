/** What is set in DNS, and the steps around the switch with their times. */
import { Code } from '../../components/code';
import { FieldRow, Fields, TextField } from '../../components/field';
import { Panel } from '../../components/panel';
import { ProblemNote } from '../../components/problem-note';
import { TimeText } from '../../components/time-text';
import { changeCutover, useCutoverDraft } from './cutover-draft';
import { SwitchTime } from './switch-time';
import { useCutover } from './use-cutover';

export function DnsPanel(): React.JSX.Element {
  const { draft } = useCutoverDraft();
  const { value: plan, failure } = useCutover('cutover.dns');
  return (
    <div className="cutover-columns">
      <Panel title="Where the name shall lead">
        <Fields>
          <TextField
            label="Load balancer"
            hint="Its name, or all of its addresses of both families."
            placeholder="lb.example.net"
            mono
            value={draft.targets}
            onChange={(targets) => {
              changeCutover({ targets });
            }}
          />
          <SwitchTime
            at={draft.switchAt}
            onChange={(switchAt) => {
              changeCutover({ switchAt });
            }}
          />
          <FieldRow>
            <TextField
              label="Time to live now"
              hint="Seconds the old record lives in caches."
              inputMode="numeric"
              mono
              value={draft.ttl}
              onChange={(ttl) => {
                changeCutover({ ttl });
              }}
            />
            <TextField
              label="Zone"
              hint="Needed only where the name is the zone itself."
              mono
              value={draft.zone}
              onChange={(zone) => {
                changeCutover({ zone });
              }}
            />
          </FieldRow>
          <TextField
            label="Certificate authority"
            hint="As CAA names it; only where CAA records exist."
            placeholder="letsencrypt.org"
            mono
            value={draft.issuer}
            onChange={(issuer) => {
              changeCutover({ issuer });
            }}
          />
          <TextField
            label="Validation record"
            hint="NAME=VALUE, as the certificate authority shows it."
            mono
            value={draft.validation}
            onChange={(validation) => {
              changeCutover({ validation });
            }}
          />
        </Fields>
      </Panel>
      <Panel title="Records and steps">
        <div className="stack">
          {failure !== null && (
            <ProblemNote plain severity="info" what={failure.message} remedy={failure.remedy} code={failure.code} />
          )}
          {plan !== null && (
            <>
              <Code text={plan.records.map(({ line }) => line).join('\n')} label="the records" />
              <ol className="cutover-steps" aria-label="Steps around the switch">
                {plan.steps.map(({ offset, at, sentence }) => (
                  <li key={sentence} className={offset === 0 ? 'cutover-switch' : ''}>
                    <span className="cutover-when">{at === null ? spanOf(offset) : <TimeText at={at} />}</span>
                    <span>{sentence}</span>
                  </li>
                ))}
              </ol>
              <ul className="cutover-notes" aria-label="What to know">
                {plan.notes.map((note) => (
                  <li key={note}>{note}</li>
                ))}
              </ul>
            </>
          )}
        </div>
      </Panel>
    </div>
  );
}

function spanOf(offset: number): string {
  if (offset === 0) return 'the switch';
  const hours = Math.abs(offset) / 3_600_000;
  const span = hours >= 1 ? `${hours} hours` : `${Math.abs(offset) / 60_000} minutes`;
  return `${span} ${offset < 0 ? 'before' : 'after'}`;
}
