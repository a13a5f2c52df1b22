/** The command that makes the package, in two ways, with what each of them shows to whom. */
import { FileKey2, FileText, Terminal } from 'lucide-react';
import { useState } from 'react';
import type { ReplyFailure } from '../../../contract/reply';
import { call } from '../../bridge';
import { Button } from '../../components/button';
import { Code } from '../../components/code';
import { FailurePanel } from '../../components/failure-panel';
import { CheckField, FieldRow, Fields, TextField } from '../../components/field';
import { Panel } from '../../components/panel';
import { toast } from '../../components/toast';
import { useAppState } from '../../stores/app-state';
import { controlsSaved } from '../controls/controls-settings';
import { SettingField } from '../controls/setting-field';
import { goAction } from '../go-action';
import { ProblemNote } from '../../components/problem-note';
import { askAgain, changeWish, keepWays, useAgent } from './agent-store';

export function CommandPanel({ secretFile }: { readonly secretFile: string | null }): React.JSX.Element {
  const wish = useAgent((held) => held.wish);
  const ways = useAgent((held) => held.ways);
  const url = useAppState((state) => state.workspace?.settings.fleet.url ?? '');
  const [failure, setFailure] = useState<ReplyFailure | null>(null);
  const chooseSecret = async (): Promise<void> => {
    const reply = await call('agent.chooseSecretFile', undefined);
    setFailure(reply.ok ? null : reply.failure);
    keepWays(null);
    askAgain();
  };
  const show = async (): Promise<void> => {
    await controlsSaved();
    const reply = await call('agent.ways', wish);
    setFailure(reply.ok ? null : reply.failure);
    keepWays(reply.ok ? reply.value : null);
  };
  const saveProfile = async (): Promise<void> => {
    const reply = await call('agent.saveProfile', { scripts: wish.scripts });
    setFailure(reply.ok ? null : reply.failure);
    if (reply.ok && reply.value !== null) toast('Profile saved', reply.value.path);
  };
  return (
    <Panel
      title="Make the package"
      sentence="With Fleet’s own tool, on a Mac or where it runs. The secret stays in its file."
    >
      <div className="stack">
        {url === '' && (
          <ProblemNote
            plain
            severity="info"
            what="Fleet’s own address is not given; agents call it."
            actions={[goAction('fleet', 'Go to Fleet')]}
          />
        )}
        <Fields>
          <FieldRow>
            <SettingField name="team" label="Fleet’s team" hint="Its name; empty for hosts without a team." />
            <TextField
              label="Developer ID Installer certificate"
              hint="Its name in the keychain; empty: it is signed later."
              mono
              value={wish.signIdentity}
              onChange={(signIdentity) => {
                changeWish({ signIdentity });
              }}
            />
          </FieldRow>
          <CheckField
            label="With Fleet Desktop"
            checked={wish.desktop}
            onChange={(desktop) => {
              changeWish({ desktop });
            }}
          />
          <CheckField
            label="Let Fleet run scripts"
            checked={wish.scripts}
            onChange={(scripts) => {
              changeWish({ scripts });
            }}
          />
          <CheckField
            label="Agents never update themselves"
            hint="Where Macs must not reach Fleet’s update server."
            checked={wish.disableUpdates}
            onChange={(disableUpdates) => {
              changeWish({ disableUpdates });
            }}
          />
        </Fields>
        <div className="acts">
          <Button icon={FileKey2} onClick={() => void chooseSecret()}>
            {secretFile === null ? 'Choose the enroll secret’s file…' : 'Choose another secret…'}
          </Button>
          {secretFile !== null && <code>{secretFile}</code>}
          <Button
            icon={Terminal}
            cannot={secretFile === null ? 'Choose the file that holds the enroll secret.' : null}
            onClick={() => void show()}
          >
            Show the command
          </Button>
        </div>
        {failure !== null && <FailurePanel failure={failure} />}
        {ways !== null && (
          <>
            {ways.team !== null && (
              <p>
                The secret is that of <b>{ways.team}</b>.
              </p>
            )}
            {ways.ways.map(({ way, title, lines, notes }) => (
              <section key={way} className="agent-way" aria-label={title}>
                <h3>{title}</h3>
                <Code text={lines.join('\n')} label={`the command: ${title.toLowerCase()}`} />
                <ul className="agent-notes">
                  {notes.map((note) => (
                    <li key={note}>{note}</li>
                  ))}
                </ul>
                {way === 'secret-in-profile' && (
                  <div>
                    <Button icon={FileText} onClick={() => void saveProfile()}>
                      Save the profile…
                    </Button>
                  </div>
                )}
              </section>
            ))}
          </>
        )}
      </div>
    </Panel>
  );
}
