/** HAProxy’s whole configuration for the waves, from what is typed here and at Cutover. */
import { Save } from 'lucide-react';
import { useState } from 'react';
import { Button } from '../../components/button';
import { Code } from '../../components/code';
import { Fields, TextField } from '../../components/field';
import { Panel } from '../../components/panel';
import { ProblemNote } from '../../components/problem-note';
import { toast } from '../../components/toast';
import { counted } from '../../format/number';
import { useAnswer } from '../../hooks/use-answer';
import { perform } from '../../hooks/use-call';
import { useAppState } from '../../stores/app-state';
import { goAction } from '../go-action';

export function HaproxyPanel(): React.JSX.Element {
  const engine = useAppState((state) => state.waves.ladder?.engine ?? null);
  const [first] = engine?.kind === 'haproxy' ? engine.instances : [];
  const [draft, setDraft] = useState({
    map: first?.map ?? '/etc/haproxy/slipway.map',
    socket: first?.socket ?? '/run/haproxy/slipway.sock',
    memory: '2g',
  });
  const version = useAppState((state) =>
    JSON.stringify([state.workspace?.settings.cutover, state.workspace?.settings.fleet.url, state.source?.readAt]),
  );
  const { reply } = useAnswer('waves.config', draft, version);
  const change = (part: Partial<typeof draft>): void => {
    setDraft((before) => ({ ...before, ...part }));
  };
  const save = async (): Promise<void> => {
    const saved = await perform('waves', 'waves.saveConfig', draft);
    if (saved !== null) toast('Configuration saved', saved.path);
  };
  return (
    <div className="waves-columns">
      <Panel
        title="On HAProxy’s machine"
        sentence="The name devices call and both servers are those of Cutover and Fleet."
        aside={<Button onClick={goAction('cutover', '').run}>Go to Cutover</Button>}
      >
        <Fields>
          <TextField
            label="Map file"
            hint="Begin with an empty one. Only Slipway changes it."
            mono
            value={draft.map}
            onChange={(map) => {
              change({ map });
            }}
          />
          <TextField
            label="Runtime socket"
            hint="Whoever can open it may do anything: never bind it to a port."
            mono
            value={draft.socket}
            onChange={(socket) => {
              change({ socket });
            }}
          />
          <TextField
            label="Memory it may use"
            hint="Bodies are looked into as a whole; from this the number of connections is computed."
            mono
            value={draft.memory}
            onChange={(memory) => {
              change({ memory });
            }}
          />
        </Fields>
      </Panel>
      <Panel
        title="The configuration"
        aside={
          <>
            {reply?.ok === true && (
              <span className="muted">{counted(reply.value.connections, 'connection')} at once</span>
            )}
            <Button
              icon={Save}
              cannot={reply?.ok === true ? null : 'There is nothing to save yet.'}
              onClick={() => void save()}
            >
              Save…
            </Button>
          </>
        }
      >
        {reply !== null && !reply.ok && (
          <ProblemNote
            plain
            severity="info"
            what={reply.failure.message}
            remedy={reply.failure.remedy}
            code={reply.failure.code}
          />
        )}
        {reply?.ok === true && <Code text={reply.value.text} label="the configuration" />}
      </Panel>
    </div>
  );
}
