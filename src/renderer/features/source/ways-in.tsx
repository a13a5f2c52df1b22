/** The ways to a source: which server, where its data lies, and what is needed to read it there. */
import { Download } from 'lucide-react';
import { Button } from '../../components/button';
import { ChoiceCards, type ChoiceCard } from '../../components/choice-cards';
import { Fields } from '../../components/field';
import { Panel } from '../../components/panel';
import { Prose } from '../../components/prose';
import type { SourcePlace, SourceServer, SourceWay } from '../../../contract/source-ways';
import { useAppState } from '../../stores/app-state';
import { BesideFields } from './beside-fields';
import { DatabaseFields } from './database-fields';
import { FilePlace, FolderPlace } from './file-place';
import { changeWay, chooseServer, PLACES_OF, readingOf, readWay, useWayDraft, type Aim } from './source-draft';
import { ServerFields } from './server-fields';
import { SshFields, SshPlace } from './ssh-fields';

const SERVERS: readonly ChoiceCard<SourceServer>[] = [
  {
    value: 'micromdm',
    label: 'MicroMDM',
    sentence: 'One database file holds it all: here, on its server, or by its backup call.',
  },
  {
    value: 'nanomdm',
    label: 'NanoMDM',
    sentence: 'MySQL, PostgreSQL or a folder; its SCEP server’s CA lies beside it.',
  },
  {
    value: 'csv',
    label: 'Another MDM',
    sentence: 'A table its administrator exports, as CSV or JSON. There is a template.',
  },
];

const PLACES: Readonly<Record<SourcePlace, Omit<ChoiceCard<SourcePlace>, 'value'>>> = {
  file: { label: 'A file here', sentence: 'On this machine or a mounted disk; the live file too.' },
  ssh: { label: 'Over SSH', sentence: 'Where it lies, read over SFTP.' },
  server: { label: 'The running server', sentence: 'By its own backup call, over HTTPS.' },
  mysql: { label: 'MySQL', sentence: 'Straight, or through an SSH jump host.' },
  postgres: { label: 'PostgreSQL', sentence: 'Straight, or through an SSH jump host.' },
  folder: { label: 'A folder here', sentence: 'Stores of kind filekv or file.' },
};

/** What happens on reading, by server and place. */
const NOTES: Readonly<Record<string, readonly string[]>> = {
  'micromdm file': [
    'A copy from a backup, or the database MicroMDM has open right now. It is usually called `micromdm.db`, in `/var/db/micromdm`.',
    'It is opened read-only, never locked and never written. When the server writes meanwhile, the reading is begun again until it is of one piece.',
    'A copy taken with `cp` while the server was running may be torn. Slipway notices and says so.',
  ],
  'micromdm ssh': [
    'The file is read where it lies, by positions, over SFTP. Nothing is started, locked or written there.',
    'When the server writes meanwhile, the reading is begun again until the copy is of one piece.',
    'The user must be able to read the file: `sudo` cannot be used over SFTP.',
  ],
  'micromdm server': [
    'Slipway asks for `/boltbackup`: a whole, consistent copy, while the server keeps running.',
    'Only https:// is read from: the database holds private keys.',
  ],
  'nanomdm mysql': [
    'One read-only transaction sees one state of the database. No row is locked and nothing is written.',
    'An account with `SELECT` on NanoMDM’s tables is enough.',
    'Devices present certificates of the SCEP CA: without its key Fleet could not renew them.',
  ],
  'nanomdm folder': [
    'The folder NanoMDM was started with: `-storage-dsn`, usually `dbkv` or `db`. Which of the two stores it is shows from what lies in it.',
    'Files are only read. When they change meanwhile, that is noticed and said.',
    'Devices present certificates of the SCEP CA: without its key Fleet could not renew them.',
  ],
  'nanomdm ssh': [
    'The folder is read where it lies, over SFTP. Nothing is started, locked or written there.',
    'The user must be able to read its files: `sudo` cannot be used over SFTP.',
  ],
  'csv file': [
    'One row for each enrollment. The template names every column and shows an example.',
    'A table with a wrong cell is not read at all: every wrong cell is named by row and column. Fix the file and read it again.',
    'It holds tokens in plain: keep it as you would keep a database.',
  ],
};

interface WaysInProps {
  readonly aim: Aim;
}

export function WaysIn({ aim }: WaysInProps): React.JSX.Element {
  const { way } = useWayDraft(aim);
  const { server, place } = way;
  const places = PLACES_OF[server];
  const notes = NOTES[`${server} ${place === 'postgres' ? 'mysql' : place}`] ?? [];
  return (
    <>
      <ChoiceCards
        row
        label="Which server do the devices call today?"
        choices={SERVERS}
        value={server}
        onChange={(chosen) => {
          chooseServer(aim, chosen);
        }}
      />
      {places.length > 1 && (
        <ChoiceCards
          row
          label="Where does its data lie?"
          choices={places.map((value) => ({ value, ...PLACES[value] }))}
          value={place}
          onChange={(chosen) => {
            changeWay(aim, { place: chosen });
          }}
        />
      )}
      <div className="source-ways">
        <Panel title={titleOf(way)}>
          <WayFields aim={aim} />
        </Panel>
        <div className="source-side">
          {server !== 'micromdm' && <BesideFields aim={aim} />}
          <Panel title="What happens">
            <ul className="source-notes">
              {notes.map((note) => (
                <li key={note}>
                  <Prose text={note} />
                </li>
              ))}
            </ul>
          </Panel>
        </div>
      </div>
    </>
  );
}

function WayFields({ aim }: WaysInProps): React.JSX.Element {
  const { way } = useWayDraft(aim);
  const busy = useAppState((state) => (state.job === null ? null : 'Something else is under way.'));
  const { server, place } = way;
  return (
    <Fields>
      <PlaceFields aim={aim} way={way} />
      {!(server === 'micromdm' && place === 'file' && aim === 'only' && way.path === '') && (
        <div>
          <Button icon={Download} cannot={busy} onClick={() => void readWay(aim)}>
            {readingOf(way)}
          </Button>
        </div>
      )}
    </Fields>
  );
}

function PlaceFields({ aim, way }: WaysInProps & { readonly way: SourceWay }): React.JSX.Element {
  switch (way.place) {
    case 'file':
      return <FilePlace aim={aim} />;
    case 'folder':
      return <FolderPlace aim={aim} />;
    case 'server':
      return <ServerFields aim={aim} />;
    case 'ssh':
      return <SshPlace aim={aim} />;
    case 'mysql':
    case 'postgres':
      return (
        <>
          <DatabaseFields aim={aim} />
          {way.database.via && <SshFields aim={aim} title="The jump host" />}
        </>
      );
  }
}

function titleOf({ server, place }: SourceWay): string {
  if (server === 'csv') return 'The table';
  const titles: Readonly<Record<SourcePlace, string>> = {
    file: 'The file',
    ssh: server === 'nanomdm' ? 'The folder on the server' : 'The file on the server',
    server: 'The running server',
    mysql: 'The MySQL database',
    postgres: 'The PostgreSQL database',
    folder: 'The folder',
  };
  return titles[place];
}
