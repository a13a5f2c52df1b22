/** Making the renewal profile: what from, which server, whose challenge; then its check, a masked look, and saving it. */
import { Download, FileCog, FileKey2, FolderOpen, X } from 'lucide-react';
import { useState } from 'react';
import type { RenewalForm } from '../../../contract/renewal';
import { Button, IconButton } from '../../components/button';
import { CheckField, ChoiceField, FieldRow, TextField } from '../../components/field';
import { Panel } from '../../components/panel';
import { ProblemNote } from '../../components/problem-note';
import { SecretField } from '../../components/secret-field';
import { toast } from '../../components/toast';
import { bytes } from '../../format/number';
import { perform } from '../../hooks/use-call';
import { useAppState } from '../../stores/app-state';
import { goAction } from '../go-action';
import { MaskedProfile } from './masked-profile';
import { ProfileVerdict } from './profile-verdict';
import { Sample } from './profile-samples';
import { dropProfile, giveProfiles, makeRenewal, useRenewal } from './renewal-store';

type Challenge = 'fleet' | 'given';

const SAVED: Readonly<Record<RenewalForm, string>> = {
  profile: 'Save the profile…',
  base64: 'Save its base64…',
  environment: 'Save the environment line…',
};

export function RenewalProfile(): React.JSX.Element {
  const { bench, busy: renewing } = useRenewal();
  const job = useAppState((state) => state.job !== null);
  const connected = useAppState((state) => state.fleet !== null && state.source?.sample !== true);
  const held = useAppState((state) => state.secrets.held);
  const suggested = useSuggestedUrl();
  const [typed, setTyped] = useState('');
  const [chosen, setChosen] = useState<Challenge | null>(null);
  const [old, setOld] = useState(false);
  const challenge = chosen ?? (connected ? 'fleet' : 'given');
  const busy = renewing || job ? 'Something is under way.' : null;
  const lacks =
    challenge === 'given'
      ? held.includes('scep-challenge')
        ? null
        : 'Give the challenge first.'
      : !connected
        ? 'Connect to Fleet first, or give the challenge.'
        : held.includes('server-private-key')
          ? null
          : 'Give Fleet’s server private key first.';
  const source = useAppState((state) => state.source?.kind ?? null);
  const whole = bench.installed.some(({ form }) => form !== 'listing');
  return (
    <Panel
      title="The renewal profile"
      sentence="The installed profile with another SCEP payload: it asks the old host’s own SCEP address, which then leads to Fleet, with Fleet’s challenge. Everything else stays as it is installed, every other payload too."
    >
      <div className="stack">
        <div className="renewal-base" role="group" aria-label="What it is made from">
          <p className="mantine-InputWrapper-label">Made from</p>
          {bench.base === null ? (
            <div className="acts">
              <span>{whole ? 'the first whole profile from a device' : madeFrom(source)}</span>
              <Button icon={FolderOpen} variant="quiet" cannot={busy} onClick={() => void giveProfiles('base', null)}>
                Take another profile…
              </Button>
              {!whole && bench.anchor === null && (
                <Button icon={FileKey2} variant="quiet" cannot={busy} onClick={() => void giveProfiles('anchor', null)}>
                  Add the old server’s own TLS certificate…
                </Button>
              )}
              {bench.anchor !== null && (
                <>
                  <span className="mono" title={bench.anchor}>
                    {bench.anchor.split(/[\\/]/).at(-1)}
                  </span>
                  <IconButton
                    icon={X}
                    label="Put the TLS certificate away"
                    onClick={() => void dropProfile('anchor', null)}
                  />
                </>
              )}
            </div>
          ) : (
            <ul className="samples-list">
              <Sample profile={bench.base} onRemove={() => void dropProfile('base', null)} />
            </ul>
          )}
          {!whole && bench.base === null && (source === null || source === 'micromdm' || source === 'several') && (
            <p className="faint">
              MicroMDM with a TLS certificate of its own puts that into its profile as an anchor: without it devices
              would lose their trust in the server.
            </p>
          )}
        </div>
        <FieldRow>
          <div>
            <TextField
              label="The old server’s URL"
              hint="As it was started with. Needed where no profile says it; else the two must agree."
              placeholder={suggested ?? 'https://mdm.example.com'}
              value={typed}
              onChange={setTyped}
              mono
            />
            {suggested !== null && typed === '' && (
              <Button
                variant="quiet"
                onClick={() => {
                  setTyped(suggested);
                }}
              >
                Use {suggested}
              </Button>
            )}
          </div>
          <ChoiceField
            label="Fleet’s SCEP challenge"
            hint="The old one is never carried over by itself: it is often a public default."
            value={challenge}
            choices={[
              { value: 'fleet', label: 'From Fleet’s database' },
              { value: 'given', label: 'Given here' },
            ]}
            onChange={setChosen}
          />
        </FieldRow>
        {challenge === 'given' && (
          <SecretField
            kind="scep-challenge"
            label="SCEP challenge"
            hint="Fleet’s present one (the asset scep_challenge)."
            fromFile
          />
        )}
        {challenge === 'fleet' && !connected && (
          <ProblemNote
            plain
            severity="info"
            what="Fleet’s challenge lies in its database, and Fleet is not connected."
            actions={[goAction('fleet', 'Go to Fleet')]}
          />
        )}
        {challenge === 'fleet' && connected && (
          <SecretField
            kind="server-private-key"
            label="Fleet’s server private key"
            hint="FLEET_SERVER_PRIVATE_KEY: the challenge is encrypted with it."
          />
        )}
        <CheckField
          label="The old challenge may be carried over"
          hint="Only where Fleet was given it on purpose. Whoever has an old profile could then enrol anything in Fleet."
          checked={old}
          onChange={setOld}
        />
        <div className="acts">
          <Button
            icon={FileCog}
            cannot={busy ?? lacks}
            onClick={() => void makeRenewal({ serverUrl: typed, challenge, allowOldChallenge: old })}
          >
            Make the profile
          </Button>
          <span className="muted">Nothing is written yet.</span>
        </div>
        {bench.made !== null && (
          <section className="stack" aria-label="The profile that was made">
            <ProfileVerdict judged={bench.made} />
            <MaskedProfile judged={bench.made} />
            <div className="acts">
              {(['environment', 'base64', 'profile'] as const).map((form) => (
                <Button
                  key={form}
                  icon={Download}
                  cannot={
                    busy ?? (bench.made?.comparison.verdict === 'fail' ? 'It does not pass its own check.' : null)
                  }
                  onClick={() => void save(form)}
                >
                  {SAVED[form]}
                </Button>
              ))}
              <span className="muted">
                {bytes(bench.made.length)}. It holds Fleet’s challenge: only you can read the files.
              </span>
            </div>
          </section>
        )}
      </div>
    </Panel>
  );
}

async function save(form: RenewalForm): Promise<void> {
  const saved = await perform('certificates', 'renewal.save', { form });
  if (saved !== null) toast(`Saved to ${saved.path}`, 'restart every Fleet instance that gets it');
}

/** The old server's own address, where anything at hand says it. */
function useSuggestedUrl(): string | null {
  const given = useRenewal(({ bench }) => bench.base?.serverUrl ?? bench.installed[0]?.serverUrl ?? null);
  const reference = useAppState((state) => state.source?.reference ?? '');
  const url = given ?? /^[a-z]+:(https:\/\/.*)$/.exec(reference)?.[1] ?? null;
  return url !== null && URL.canParse(url) ? new URL(url).origin : null;
}

/** What a new profile is made from where nothing was given, by the kind of source. */
function madeFrom(source: string | null): string {
  if (source === null) return 'nothing yet: read a source, or give a profile';
  return source === 'micromdm'
    ? 'what the source hands out: stored, or MicroMDM’s own'
    : 'the enrollment profile that was given with the source';
}
