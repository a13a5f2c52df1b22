/** The configuration by which a load balancer leads the old name to Fleet. */
import { Save } from 'lucide-react';
import { Badge } from '../../components/badge';
import { Button } from '../../components/button';
import { Code } from '../../components/code';
import { ChoiceCards } from '../../components/choice-cards';
import { ChoiceField, FieldRow, Fields, TextField } from '../../components/field';
import { Panel } from '../../components/panel';
import { ProblemNote } from '../../components/problem-note';
import '../../components/plain-table.css';
import { Prose } from '../../components/prose';
import { toast } from '../../components/toast';
import { perform } from '../../hooks/use-call';
import { useAppState } from '../../stores/app-state';
import { goAction } from '../go-action';
import { changeCutover, saveCutoverDraft, useCutoverDraft } from './cutover-draft';
import { useCutover } from './use-cutover';

export function RedirectPanel(): React.JSX.Element {
  const { draft } = useCutoverDraft();
  const { value: view } = useCutover('cutover.view');
  const { value: made, failure } = useCutover('cutover.config');
  const fleetUrl = useAppState((state) => state.workspace?.settings.fleet.url ?? '');
  const balancers = view?.balancers ?? [];
  const chosen = balancers.find(({ name }) => name === draft.balancer);
  const modes = chosen?.modes ?? ['rewrite', 'redirect'];
  return (
    <div className="cutover-columns">
      <Panel title="What it is written for">
        <Fields>
          <ChoiceField
            label="Load balancer"
            value={draft.balancer}
            choices={balancers.map(({ name, title }) => ({ value: name, label: title }))}
            onChange={(balancer) => {
              changeCutover({ balancer });
            }}
          />
          <TextField
            label="The old server’s inner address"
            hint="Where the balancer reaches it; not the name devices call."
            placeholder="https://10.0.0.5:8443"
            inputMode="url"
            mono
            value={draft.oldUrl}
            onChange={(oldUrl) => {
              changeCutover({ oldUrl });
            }}
          />
          {fleetUrl === '' && (
            <ProblemNote
              plain
              severity="info"
              what="Fleet’s own address is not given yet."
              actions={[goAction('fleet', 'Give it at Fleet')]}
            />
          )}
          <ChoiceCards
            label="How"
            value={modes.includes(draft.mode) ? draft.mode : (modes[0] ?? 'rewrite')}
            choices={(
              [
                {
                  value: 'rewrite',
                  label: 'Pass on',
                  sentence: 'Requests go to Fleet under its path. Devices notice nothing.',
                },
                {
                  value: 'redirect',
                  label: 'Redirect',
                  sentence: 'Answered with 307: devices call again at Fleet’s own name.',
                },
              ] as const
            ).filter(({ value }) => modes.includes(value))}
            onChange={(mode) => {
              changeCutover({ mode });
            }}
          />
          <ChoiceCards
            label="When"
            value={draft.phase}
            choices={[
              {
                value: 'cutover',
                label: 'At the switch',
                sentence: 'The old server still answers what is not MDM; nobody can enroll there.',
              },
              { value: 'retired', label: 'Once it is gone', sentence: 'What was its own is answered with 410.' },
            ]}
            onChange={(phase) => {
              changeCutover({ phase });
            }}
          />
          <details className="cutover-files">
            <summary>Files on the load balancer’s machine</summary>
            <Fields>
              <TextField
                label="Certificate chain"
                mono
                placeholder={`/etc/ssl/${made?.host ?? 'mdm.example.com'}/fullchain.pem`}
                value={draft.certificateFile}
                onChange={(certificateFile) => {
                  changeCutover({ certificateFile });
                }}
              />
              <FieldRow>
                <TextField
                  label="Its key"
                  mono
                  placeholder={`/etc/ssl/${made?.host ?? 'mdm.example.com'}/key.pem`}
                  value={draft.keyFile}
                  onChange={(keyFile) => {
                    changeCutover({ keyFile });
                  }}
                />
                <TextField
                  label="CAs of the servers behind"
                  mono
                  placeholder="/etc/ssl/certs/ca-certificates.crt"
                  value={draft.trustFile}
                  onChange={(trustFile) => {
                    changeCutover({ trustFile });
                  }}
                />
              </FieldRow>
            </Fields>
          </details>
        </Fields>
      </Panel>
      <Panel
        title="The configuration"
        aside={
          <>
            {chosen !== undefined && (
              <Badge tone={chosen.proof === 'run' ? 'good' : 'quiet'}>
                {chosen.proof === 'run' ? 'Tested on the real server' : 'Shape checked, not run'}
              </Badge>
            )}
            <Button
              icon={Save}
              cannot={made === null ? 'There is nothing to save yet.' : null}
              onClick={() => void saveConfiguration()}
            >
              Save…
            </Button>
          </>
        }
      >
        <div className="stack">
          {failure !== null && (
            <ProblemNote plain severity="info" what={failure.message} remedy={failure.remedy} code={failure.code} />
          )}
          {made !== null && (
            <>
              <table className="plain-table cutover-routes">
                <thead>
                  <tr>
                    <th scope="col">Path</th>
                    <th scope="col">Leads to</th>
                    <th scope="col">Why</th>
                  </tr>
                </thead>
                <tbody>
                  {made.routes.map(({ path, prefix, target, why }) => (
                    <tr key={path}>
                      <td className="mono">
                        {path}
                        {prefix ? '…' : ''}
                      </td>
                      <td>{target}</td>
                      <td className="muted">{why}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
              <Code text={made.text} label={`the configuration for ${made.title}`} />
            </>
          )}
          {chosen !== undefined && (
            <ul className="cutover-notes" aria-label="What to know">
              {chosen.notes.map((note) => (
                <li key={note}>
                  <Prose text={note} />
                </li>
              ))}
            </ul>
          )}
        </div>
      </Panel>
    </div>
  );
}

async function saveConfiguration(): Promise<void> {
  if (!(await saveCutoverDraft())) return;
  const saved = await perform('cutover', 'cutover.saveConfig', undefined);
  if (saved !== null) toast('Configuration saved', saved.path);
}
