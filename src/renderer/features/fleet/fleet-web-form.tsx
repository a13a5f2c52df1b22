/** Fleet’s HTTPS side, for the checks: address, token, and the server private key its assets are encrypted with. */
import { FolderOpen } from 'lucide-react';
import { Button } from '../../components/button';
import { Fields, TextField } from '../../components/field';
import { SecretField } from '../../components/secret-field';
import { chooseCa } from './connection-form';
import { changeFleetDraft, fleetProblems, useFleetDraft } from './fleet-draft';

export function FleetWebForm(): React.JSX.Element {
  const { draft } = useFleetDraft();
  return (
    <Fields>
      <TextField
        label="Address"
        placeholder="https://fleet.example.org"
        inputMode="url"
        mono
        value={draft.url}
        error={fleetProblems(draft).url ?? null}
        onChange={(url) => {
          changeFleetDraft({ url });
        }}
      />
      {draft.url !== '' && (
        <>
          <div className="fleet-file">
            <TextField
              label="CA file"
              placeholder="the system’s CAs"
              mono
              value={draft.urlCaFile}
              onChange={(urlCaFile) => {
                changeFleetDraft({ urlCaFile });
              }}
            />
            <Button icon={FolderOpen} onClick={() => void chooseCa('urlCaFile')}>
              Choose…
            </Button>
          </div>
          <SecretField kind="fleet-token" label="API token" hint="Of an account that may read settings." />
        </>
      )}
      <SecretField
        kind="server-private-key"
        label="Server private key"
        hint="FLEET_SERVER_PRIVATE_KEY. Lets the checks compare the CA and the push certificate Fleet holds."
      />
    </Fields>
  );
}
