/** What is seen before a workspace is open: the recent ones, and the ways to begin. */
import { Folder, FolderX, X } from 'lucide-react';
import { useState } from 'react';
import { IconButton } from '../../components/button';
import { FailurePanel } from '../../components/failure-panel';
import { TimeText } from '../../components/time-text';
import { useAnswer } from '../../hooks/use-answer';
import { perform } from '../../hooks/use-call';
import { call } from '../../bridge';
import { setRefused, useUi } from '../../stores/ui';
import { VersionLine } from './version-line';
import { workspaceActions } from './workspace-actions';
import './welcome-screen.css';

const SENTENCES: Readonly<Record<string, string>> = {
  'workspace/new': 'A folder for one customer: settings, plans, journals and reports, without secrets.',
  'workspace/open': 'Go on with a folder that is already there, also one handed over from another machine.',
  'workspace/sample': 'Try everything up to the finished SQL with a bundled MicroMDM database. No server is needed.',
};

export function WelcomeScreen(): React.JSX.Element {
  const refused = useUi((ui) => ui.refused.source);
  return (
    <div className="welcome">
      <main className="welcome-body">
        <div className="welcome-page">
          <div>
            <h1>Slipway</h1>
            <p className="welcome-lead">
              Moves Apple devices from MicroMDM or NanoMDM to Fleet. No device enrols again, and nobody has to touch
              one.
            </p>
          </div>
          {refused !== undefined && (
            <FailurePanel
              failure={refused}
              onDismiss={() => {
                setRefused('source', null);
              }}
            />
          )}
          <Recent />
          <section aria-labelledby="welcome-begin">
            <h2 id="welcome-begin">Begin</h2>
            <ul className="welcome-choices">
              {workspaceActions(false).map(({ id, label, icon: Icon, run }) => (
                <li key={id}>
                  <button type="button" className="welcome-choice" onClick={run}>
                    {Icon !== undefined && <Icon size={16} aria-hidden />}
                    <span className="welcome-choice-name">{label}</span>
                    <span className="welcome-choice-sentence">{SENTENCES[id]}</span>
                  </button>
                </li>
              ))}
            </ul>
          </section>
        </div>
      </main>
      <VersionLine />
    </div>
  );
}

function Recent(): React.JSX.Element | null {
  const [asked, setAsked] = useState(0);
  const { reply } = useAnswer('workspace.recent', undefined, asked);
  if (reply?.ok !== true || reply.value.length === 0) return null;
  const forget = async (path: string): Promise<void> => {
    await call('workspace.forget', { path });
    setAsked(asked + 1);
  };
  return (
    <section aria-labelledby="welcome-recent">
      <h2 id="welcome-recent">Recent workspaces</h2>
      <ul className="welcome-recent">
        {reply.value.slice(0, 6).map(({ name, path, openedAt, missing }) => (
          <li key={path}>
            <button
              type="button"
              className="welcome-choice"
              onClick={() => void perform('source', 'workspace.open', { path })}
            >
              {missing ? <FolderX size={16} aria-hidden /> : <Folder size={16} aria-hidden />}
              <span className="welcome-choice-name">{name}</span>
              <span className="welcome-path" title={path}>
                {missing ? `Not there any more: ${path}` : path}
              </span>
              <span className="welcome-when">
                <TimeText at={openedAt} as="distance" />
              </span>
            </button>
            <IconButton
              icon={X}
              label={`Take ${name} off this list; its folder stays`}
              onClick={() => void forget(path)}
            />
          </li>
        ))}
      </ul>
    </section>
  );
}
