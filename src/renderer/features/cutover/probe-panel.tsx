/** What the network says: asked when the operator says so, and never otherwise. */
import { Eye, EyeOff, Radar } from 'lucide-react';
import type { ProbeResultShown } from '../../../contract/cutover';
import { Button } from '../../components/button';
import { EmptyState } from '../../components/empty-state';
import { FailurePanel } from '../../components/failure-panel';
import { Fields, TextField } from '../../components/field';
import { Panel } from '../../components/panel';
import { Prose } from '../../components/prose';
import { ToneIcon } from '../../components/severity-icon';
import { TimeText } from '../../components/time-text';
import type { Tone } from '../../components/tone';
import { counted } from '../../format/number';
import { useAppState } from '../../stores/app-state';
import { changeCutover, useCutoverDraft } from './cutover-draft';
import { probeNow, useProbing, watchNetwork } from './probe-store';

export function ProbePanel(): React.JSX.Element {
  const { draft } = useCutoverDraft();
  const probes = useAppState((state) => state.probes);
  const { asking, watching, failure } = useProbing();
  return (
    <div className="cutover-columns">
      <Panel title="Where to look" sentence="Left empty, DNS and this machine’s own resolvers are asked.">
        <Fields>
          <TextField
            label="The new place"
            hint="Addresses of the load balancer: looked at before DNS leads there."
            placeholder="192.0.2.10"
            mono
            value={draft.places}
            onChange={(places) => {
              changeCutover({ places });
            }}
          />
          <TextField
            label="Resolvers"
            hint="Those devices ask, inside and outside."
            placeholder="10.0.0.2, 9.9.9.9"
            mono
            value={draft.resolvers}
            onChange={(resolvers) => {
              changeCutover({ resolvers });
            }}
          />
          <TextField
            label="Fleet’s instances"
            hint="Each past its load balancer: one that was not restarted still serves the old keys."
            placeholder="https://fleet-1.internal, https://fleet-2.internal"
            mono
            value={draft.instances}
            onChange={(instances) => {
              changeCutover({ instances });
            }}
          />
          <div className="acts">
            <Button icon={Radar} cannot={asking ? 'The network is being asked.' : null} onClick={() => void probeNow()}>
              {asking ? 'Asking…' : probes === null ? 'Ask the network' : 'Ask again'}
            </Button>
            <Button
              icon={watching ? EyeOff : Eye}
              variant="quiet"
              aria-pressed={watching}
              onClick={() => {
                watchNetwork(!watching);
              }}
            >
              {watching ? 'Stop watching' : 'Watch during the change'}
            </Button>
          </div>
          {watching && <p className="muted">Asked every 30 seconds until everything is as it should be.</p>}
        </Fields>
      </Panel>
      <Panel
        title="What was seen"
        flush
        aside={
          probes === null ? undefined : (
            <span className="muted">
              {probes.host}, <TimeText at={probes.at} as="distance" />
            </span>
          )
        }
      >
        {failure !== null && <FailurePanel failure={failure} />}
        {probes === null ? (
          failure === null && (
            <EmptyState
              icon={Radar}
              title="Nothing was asked yet"
              sentence="The probes look at DNS, at the certificate under the old name, and at where each path leads, as a device would. Nothing they send is signed or secret, and nothing is changed."
            />
          )
        ) : (
          <ul className="probes" aria-label="Probes" aria-busy={asking}>
            {probes.results.map((result) => (
              <Probe key={result.id} result={result} />
            ))}
          </ul>
        )}
      </Panel>
    </div>
  );
}

const TONES: Readonly<Record<ProbeResultShown['status'], Tone>> = {
  pass: 'good',
  warn: 'caution',
  fail: 'bad',
  skipped: 'quiet',
};
const WORDS: Readonly<Record<ProbeResultShown['status'], string>> = {
  pass: 'passed',
  warn: 'warning',
  fail: 'failed',
  skipped: 'not asked',
};

function Probe({ result }: { readonly result: ProbeResultShown }): React.JSX.Element {
  const { title, status, code, sentence, remedy, facts } = result;
  return (
    <li className={status === 'skipped' ? 'probe muted' : 'probe'}>
      <ToneIcon tone={TONES[status]} />
      <div className="probe-text">
        <p>
          <strong>{title}</strong> <span className="unseen">{WORDS[status]}</span>
        </p>
        <p>
          <Prose text={sentence} />
        </p>
        {remedy !== '' && status !== 'pass' && (
          <p className={status === 'skipped' ? '' : 'muted'}>
            <Prose text={remedy} />
          </p>
        )}
        {facts.length > 0 && status !== 'skipped' && (
          <details open={status === 'fail'}>
            <summary>{counted(facts.length, 'answer')}</summary>
            <ul className="probe-facts mono">
              {facts.map((fact, index) => (
                <li key={index}>{fact}</li>
              ))}
            </ul>
          </details>
        )}
        {(status === 'warn' || status === 'fail') && <p className="problem-code">{code}</p>}
      </div>
    </li>
  );
}
