/** Reading from a running MicroMDM: its own backup call over HTTPS. */
import { TextField } from '../../components/field';
import { PathField } from '../../components/path-field';
import { SecretField } from '../../components/secret-field';
import { secretOfSource } from '../../../contract/source-secrets';
import { changeWay, pinProblem, useWayDraft, wayProblems, type Aim } from './source-draft';

export function ServerFields({ aim }: { readonly aim: Aim }): React.JSX.Element {
  const { way, tried } = useWayDraft(aim);
  const problems = tried ? wayProblems(way) : {};
  return (
    <>
      <TextField
        label="Address"
        value={way.url}
        placeholder="https://mdm.example.org"
        mono
        inputMode="url"
        error={problems.url ?? null}
        onChange={(url) => {
          changeWay(aim, { url });
        }}
      />
      <SecretField
        kind={secretOfSource('source-api-key', way.slot)}
        label="API key"
        hint="The value of MICROMDM_API_KEY on the server."
      />
      <PathField
        label="CA file"
        hint="Only where its certificate is from a CA of your own: a PEM file."
        value={way.caFile}
        placeholder="the system’s CAs"
        purpose="ca"
        step="source"
        onChange={(caFile) => {
          changeWay(aim, { caFile });
        }}
      />
      <TextField
        label="Pinned fingerprint"
        hint="Instead of a CA: the SHA-256 of the server’s certificate, compared on the server itself."
        value={way.pinSha256}
        placeholder="not pinned"
        mono
        error={pinProblem(way.pinSha256)}
        onChange={(pinSha256) => {
          changeWay(aim, { pinSha256 });
        }}
      />
    </>
  );
}
