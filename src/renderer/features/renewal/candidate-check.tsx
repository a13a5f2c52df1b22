/** Any finished profile, held against what is installed: one made elsewhere, or the variable Fleet runs with now. */
import { FileSearch } from 'lucide-react';
import { Button } from '../../components/button';
import { FileDrop } from '../../components/file-drop';
import { Panel } from '../../components/panel';
import { MaskedProfile } from './masked-profile';
import { ProfileVerdict } from './profile-verdict';
import { dropProfile, giveProfiles, useRenewal } from './renewal-store';

export function CandidateCheck(): React.JSX.Element {
  const checked = useRenewal((held) => held.bench.checked);
  const busy = useRenewal((held) => (held.busy ? 'Something is under way.' : null));
  return (
    <FileDrop
      className="candidate"
      overClassName="samples-over"
      onDrop={(dropped) => {
        const [path = ''] = dropped;
        if (path !== '') void giveProfiles('candidate', [path]);
      }}
    >
      <Panel
        title="Check another profile"
        sentence="A profile, its base64 or the whole environment line: held against the profiles from devices, field by field, without changing anything."
        aside={
          <>
            <Button icon={FileSearch} cannot={busy} onClick={() => void giveProfiles('candidate', null)}>
              Choose it…
            </Button>
            {checked !== null && (
              <Button variant="quiet" onClick={() => void dropProfile('candidate', null)}>
                Clear
              </Button>
            )}
          </>
        }
      >
        {checked !== null && (
          <section className="stack" aria-label="The profile that was checked">
            <p>
              <span className="mono" title={checked.name}>
                {checked.name.split(/[\\/]/).at(-1)}
              </span>
            </p>
            <ProfileVerdict judged={checked} />
            <MaskedProfile judged={checked} />
          </section>
        )}
      </Panel>
    </FileDrop>
  );
}
