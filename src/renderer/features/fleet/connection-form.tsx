/** Host, account, database, and how the connection is protected. Saved while typing; the password never comes back. */
import { FolderOpen } from 'lucide-react';
import { Button } from '../../components/button';
import { ChoiceCards, type ChoiceCard } from '../../components/choice-cards';
import { Fields, FieldRow, TextField } from '../../components/field';
import { PlaintextConfirmation } from '../../components/plaintext-confirmation';
import { SecretField } from '../../components/secret-field';
import type { Settings } from '../../../contract/state';
import { perform } from '../../hooks/use-call';
import { isLoopback } from '../../format/address';
import { changeFleetDraft, fleetProblems, useFleetDraft, type FleetDraft } from './fleet-draft';
import { ServerCertificate } from './server-certificate';

const TLS: readonly ChoiceCard<Settings['fleet']['tls']>[] = [
  {
    value: 'verify-identity',
    label: 'Check the certificate and its name',
    tone: 'good',
    sentence:
      'The certificate must come from a CA that is trusted and carry this host’s name. Nobody in between can read or change what is written. Take this wherever it works.',
  },
  {
    value: 'verify-ca',
    label: 'Check the certificate, not its name',
    tone: 'caution',
    sentence:
      'For a server reached under another name: through a tunnel, or by its address. Give the CA file of your own; otherwise anybody with any public certificate could stand in between.',
  },
  {
    value: 'disabled',
    label: 'Do not encrypt',
    tone: 'bad',
    sentence:
      'Only for this machine itself, or inside a tunnel that encrypts. Unlock tokens and push magic cross the line readable for anybody on it.',
  },
];

export function ConnectionForm(): React.JSX.Element {
  const { draft, tried } = useFleetDraft();
  const all = fleetProblems(draft);
  const problems = tried ? all : {};
  const text = (name: 'host' | 'user' | 'database' | 'port') => ({
    value: draft[name],
    mono: true,
    error: name === 'port' ? (all.port ?? null) : (problems[name] ?? null),
    onChange: (value: string) => {
      changeFleetDraft(changed(name, value));
    },
  });
  return (
    <Fields>
      <div className="fleet-address">
        <TextField label="Host" placeholder="db.fleet.example.org" {...text('host')} />
        <TextField label="Port" inputMode="numeric" {...text('port')} />
      </div>
      <FieldRow>
        <TextField label="Database" hint="Usually fleet." {...text('database')} />
        <TextField label="Account" hint="One for this migration, with few grants." {...text('user')} />
      </FieldRow>
      <SecretField kind="fleet-password" label="Password" hint="Goes to the main process and never comes back." />
      <ChoiceCards
        label="Protection of the connection"
        choices={TLS}
        value={draft.tls}
        onChange={(tls) => {
          changeFleetDraft({ tls });
        }}
      />
      {draft.tls === 'disabled' && !isLoopback(draft.host) && (
        <PlaintextConfirmation
          host={draft.host}
          confirmed={draft.plaintextConfirmed}
          error={problems.tls ?? null}
          why="That includes the password, the devices’ push magic, and the tokens that unlock them."
          onConfirm={() => {
            changeFleetDraft({ plaintextConfirmed: true });
          }}
        />
      )}
      {draft.tls !== 'disabled' && (
        <>
          <div className="fleet-file">
            <TextField
              label="CA file"
              hint="A PEM file with the CA that issued the server’s certificate. Empty: the CAs this system trusts."
              placeholder="the system’s CAs"
              mono
              value={draft.caFile}
              onChange={(caFile) => {
                changeFleetDraft({ caFile });
              }}
            />
            <Button icon={FolderOpen} onClick={() => void chooseCa('caFile')}>
              Choose…
            </Button>
          </div>
          <ServerCertificate draft={draft} />
        </>
      )}
    </Fields>
  );
}

/** A confirmation holds for the host it was given for. */
function changed(name: 'host' | 'user' | 'database' | 'port', value: string): Partial<FleetDraft> {
  return name === 'host' ? { host: value, plaintextConfirmed: false } : { [name]: value };
}

export async function chooseCa(field: 'caFile' | 'urlCaFile'): Promise<void> {
  const path = await perform('fleet', 'file.choose', { purpose: 'ca' });
  if (path !== null) changeFleetDraft({ [field]: path });
}
