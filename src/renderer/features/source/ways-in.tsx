/** The three ways to a source, each explained; and the sample. */
import { FileDown, FlaskConical, FolderOpen, Globe, HardDrive } from 'lucide-react';
import { Button } from '../../components/button';
import { Panel } from '../../components/panel';
import { perform } from '../../hooks/use-call';
import { useAppState } from '../../stores/app-state';
import { chooseSourceFile } from './source-actions';
import { ServerForm } from './server-form';

export function WaysIn(): React.JSX.Element {
  const busy = useAppState((state) => (state.job === null ? null : 'Something else is under way.'));
  return (
    <>
      <div className="source-drop">
        <FileDown size={28} strokeWidth={1.5} aria-hidden />
        <p className="source-drop-title">Drop MicroMDM’s database here</p>
        <p className="muted">
          It is usually called <code>micromdm.db</code>, in <code>/var/db/micromdm</code>. Slipway opens it read-only
          and works on a private copy.
        </p>
        <div className="source-drop-actions">
          <Button icon={FolderOpen} cannot={busy} onClick={() => void chooseSourceFile()}>
            Choose a file…
          </Button>
          <Button
            icon={FlaskConical}
            variant="quiet"
            cannot={busy}
            onClick={() => void perform('source', 'source.sample', undefined)}
          >
            Open the sample
          </Button>
        </div>
      </div>
      <div className="source-ways">
        <Panel title="A file" aside={<HardDrive className="muted" size={16} aria-hidden />}>
          <div className="source-way">
            <p>A copy of the database: from a backup, or taken while MicroMDM was stopped.</p>
            <p className="muted">
              A copy taken with <code>cp</code> while it was running may be torn. Slipway notices and says so.
            </p>
          </div>
        </Panel>
        <Panel title="The live file" aside={<HardDrive className="muted" size={16} aria-hidden />}>
          <div className="source-way">
            <p>The database MicroMDM has open right now, on this machine or a mounted disk. Choose it like any file.</p>
            <p className="muted">
              It is never locked and never written. When the server writes meanwhile, the reading is begun again until
              it is of one piece.
            </p>
          </div>
        </Panel>
        <Panel title="The running server" aside={<Globe className="muted" size={16} aria-hidden />}>
          <ServerForm busy={busy} />
        </Panel>
      </div>
    </>
  );
}
