/** Reading from a running MicroMDM: its own backup call over HTTPS. */
import { Download, FolderOpen } from 'lucide-react';
import { useState } from 'react';
import { Button } from '../../components/button';
import { Fields, TextField } from '../../components/field';
import { SecretField } from '../../components/secret-field';
import { perform } from '../../hooks/use-call';
import { changeSourceDraft, pinProblem, readFromServer, urlProblem, useSourceDraft } from './source-draft';

export function ServerForm({ busy }: { readonly busy: string | null }): React.JSX.Element {
  const { url, caFile, pinSha256 } = useSourceDraft();
  const [tried, setTried] = useState(false);
  const problem = urlProblem(url);
  const pin = pinProblem(pinSha256);
  const read = (): void => {
    setTried(true);
    if (problem === null && pin === null) void readFromServer();
  };
  return (
    <Fields>
      <p>
        Slipway asks it for <code>/boltbackup</code>: a whole, consistent copy, while it keeps running.
      </p>
      <TextField
        label="Address"
        value={url}
        placeholder="https://mdm.example.org"
        mono
        inputMode="url"
        error={tried ? problem : null}
        onChange={(value) => {
          changeSourceDraft({ url: value });
        }}
      />
      <SecretField kind="source-api-key" label="API key" hint="The value of MICROMDM_API_KEY on the server." />
      <div className="source-ca">
        <TextField
          label="CA file"
          hint="Only where its certificate is from a CA of your own: a PEM file."
          value={caFile}
          placeholder="the system’s CAs"
          mono
          onChange={(value) => {
            changeSourceDraft({ caFile: value });
          }}
        />
        <Button icon={FolderOpen} onClick={() => void chooseCa()}>
          Choose…
        </Button>
      </div>
      <TextField
        label="Pinned fingerprint"
        hint="Instead of a CA: the SHA-256 of the server’s certificate, compared on the server itself."
        value={pinSha256}
        placeholder="not pinned"
        mono
        error={pin}
        onChange={(value) => {
          changeSourceDraft({ pinSha256: value });
        }}
      />
      <div>
        <Button icon={Download} cannot={busy} onClick={read}>
          Read from this server
        </Button>
      </div>
    </Fields>
  );
}

async function chooseCa(): Promise<void> {
  const path = await perform('source', 'file.choose', { purpose: 'ca' });
  if (path !== null) changeSourceDraft({ caFile: path });
}
