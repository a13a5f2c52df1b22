/** A file or folder on this machine: dropped anywhere on the screen, chosen, or typed. */
import { FileDown, FileSpreadsheet, FlaskConical, FolderOpen } from 'lucide-react';
import { Button } from '../../components/button';
import { PathField } from '../../components/path-field';
import { toast } from '../../components/toast';
import { perform } from '../../hooks/use-call';
import { useAppState } from '../../stores/app-state';
import { chooseSourceFile } from './source-actions';
import { changeWay, useWayDraft, wayProblems, type Aim } from './source-draft';

interface PlaceProps {
  readonly aim: Aim;
}

export function FilePlace({ aim }: PlaceProps): React.JSX.Element {
  const { way, tried } = useWayDraft(aim);
  const isTable = way.server === 'csv';
  const field = {
    value: way.path,
    error: tried ? (wayProblems(way).path ?? null) : null,
    step: 'source' as const,
    onChange: (path: string) => {
      changeWay(aim, { path });
    },
  };
  if (isTable)
    return (
      <>
        <PathField label="Table" placeholder="/srv/export/devices.csv" purpose="table" {...field} />
        <p className="muted">Drop it anywhere on this screen, or choose it. Nothing is read before you say so.</p>
        <Templates />
      </>
    );
  if (aim !== 'only' || way.path !== '')
    return <PathField label="Database file" placeholder="/var/db/micromdm/micromdm.db" purpose="source" {...field} />;
  return <DropHere />;
}

function DropHere(): React.JSX.Element {
  const busy = useAppState((state) => (state.job === null ? null : 'Something else is under way.'));
  return (
    <div className="source-drop">
      <FileDown size={28} strokeWidth={1.5} aria-hidden />
      <p className="source-drop-title">Drop MicroMDM’s database here</p>
      <p className="muted">Slipway opens it read-only and works on a private copy.</p>
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
  );
}

function Templates(): React.JSX.Element {
  const save = async (form: 'csv' | 'json'): Promise<void> => {
    const saved = await perform('source', 'source.template', { form });
    if (saved !== null) toast('Template saved', saved.path);
  };
  return (
    <div className="source-templates">
      <Button icon={FileSpreadsheet} onClick={() => void save('csv')}>
        CSV template…
      </Button>
      <Button icon={FileSpreadsheet} onClick={() => void save('json')}>
        JSON template…
      </Button>
    </div>
  );
}

export function FolderPlace({ aim }: PlaceProps): React.JSX.Element {
  const { way, tried } = useWayDraft(aim);
  return (
    <PathField
      label="Folder"
      hint="The one with devices, users and enrollments in it, or with one folder for each enrollment."
      placeholder="/var/lib/nanomdm/dbkv"
      value={way.path}
      error={tried ? (wayProblems(way).path ?? null) : null}
      purpose="source-folder"
      step="source"
      onChange={(path) => {
        changeWay(aim, { path });
      }}
    />
  );
}
