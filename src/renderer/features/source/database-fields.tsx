/** NanoMDM's database: where it is, as whom, and how the connection is protected. */
import { CheckField, FieldRow, TextField } from '../../components/field';
import { ChoiceCards, type ChoiceCard } from '../../components/choice-cards';
import { PathField } from '../../components/path-field';
import { PlaintextConfirmation } from '../../components/plaintext-confirmation';
import { SecretField } from '../../components/secret-field';
import { secretOfSource } from '../../../contract/source-secrets';
import type { SourceWay } from '../../../contract/source-ways';
import { isLoopback, portOf } from '../../format/address';
import { changeDatabase, changeWay, useWayDraft, wayProblems, type Aim } from './source-draft';

type Tls = SourceWay['database']['tls'];

const TLS: readonly ChoiceCard<Tls>[] = [
  {
    value: 'verify-identity',
    label: 'Check the certificate and its name',
    tone: 'good',
    sentence: 'It must come from a CA that is trusted and carry this host’s name. Take this wherever it works.',
  },
  {
    value: 'verify-ca',
    label: 'Check the certificate, not its name',
    tone: 'caution',
    sentence: 'For a server reached under another name. Give the CA file of your own.',
  },
  {
    value: 'disabled',
    label: 'Do not encrypt',
    tone: 'bad',
    sentence:
      'Only for this machine itself, or where the jump host is the database’s own machine. Tokens cross the line readable.',
  },
];

export function DatabaseFields({ aim }: { readonly aim: Aim }): React.JSX.Element {
  const { way, tried } = useWayDraft(aim);
  const { database, place, caFile } = way;
  const problems = tried ? wayProblems(way) : {};
  const text = (name: 'host' | 'name' | 'user') => ({
    value: database[name],
    mono: true,
    error: problems[name] ?? null,
    onChange: (value: string) => {
      // A confirmation holds for the host it was given for.
      changeDatabase(aim, name === 'host' ? { host: value, plaintextConfirmed: false } : { [name]: value });
    },
  });
  return (
    <>
      <div className="source-address">
        <TextField
          label={database.via ? 'Host, as the jump host reaches it' : 'Host'}
          placeholder="db.example.org"
          {...text('host')}
        />
        <PortField
          value={database.port}
          usual={place === 'postgres' ? 5432 : 3306}
          onChange={(port) => {
            changeDatabase(aim, { port });
          }}
        />
      </div>
      <FieldRow>
        <TextField label="Database" hint="Usually nanomdm." {...text('name')} />
        <TextField label="Account" hint="One that may only read." {...text('user')} />
      </FieldRow>
      <SecretField
        kind={secretOfSource('source-password', way.slot)}
        label="Password"
        hint="Goes to the main process and never comes back."
        fromFile
      />
      <CheckField
        label="Through an SSH jump host"
        checked={database.via}
        onChange={(via) => {
          changeDatabase(aim, { via });
        }}
      />
      <ChoiceCards
        label="Protection of the connection"
        choices={TLS}
        value={database.tls}
        onChange={(tls) => {
          changeDatabase(aim, { tls });
        }}
      />
      {database.tls === 'disabled' && !database.via && !isLoopback(database.host) && (
        <PlaintextConfirmation
          host={database.host}
          confirmed={database.plaintextConfirmed}
          error={problems.tls ?? null}
          why="That includes the password, the devices’ push magic, and the tokens that unlock them."
          onConfirm={() => {
            changeDatabase(aim, { plaintextConfirmed: true });
          }}
        />
      )}
      {database.tls !== 'disabled' && (
        <PathField
          label="CA file"
          hint="A PEM file with the CA that issued the server’s certificate. Empty: the CAs this system trusts."
          placeholder="the system’s CAs"
          value={caFile}
          purpose="ca"
          step="source"
          onChange={(path) => {
            changeWay(aim, { caFile: path });
          }}
        />
      )}
    </>
  );
}

interface PortFieldProps {
  readonly value: number | null;
  readonly usual: number;
  readonly onChange: (port: number | null) => void;
}

/** A port that need not be given: what is no number is not taken. */
export function PortField({ value, usual, onChange }: PortFieldProps): React.JSX.Element {
  return (
    <TextField
      label="Port"
      inputMode="numeric"
      mono
      placeholder={String(usual)}
      value={value === null ? '' : String(value)}
      onChange={(text) => {
        const port = portOf(text);
        if (text.trim() === '' || port !== null) onChange(port);
      }}
    />
  );
}
