/** Profiles that are really installed, from devices: what the new one must not differ from. */
import { FileBadge, FolderOpen, ListTree, X } from 'lucide-react';
import type { GivenProfile } from '../../../contract/renewal';
import { Button, IconButton } from '../../components/button';
import { Code } from '../../components/code';
import { FileDrop } from '../../components/file-drop';
import { Panel } from '../../components/panel';
import { ProblemNote } from '../../components/problem-note';
import { dropProfile, giveProfiles, useRenewal } from './renewal-store';
import './renewal.css';

const FORMS: Readonly<Record<GivenProfile['form'], string>> = {
  xml: 'profile',
  signed: 'signed profile',
  base64: 'base64',
  environment: 'environment line',
  listing: 'a Mac’s listing',
  template: 'template',
};

export function ProfileSamples(): React.JSX.Element {
  const installed = useRenewal((held) => held.bench.installed);
  const busy = useRenewal((held) => (held.busy ? 'Something is under way.' : null));
  return (
    <Panel
      title="Profiles from devices"
      sentence="What is really installed is not in the old server’s database. Give one enrollment profile of each kind of enrollment that was ever used."
      aside={
        <Button icon={FolderOpen} cannot={busy} onClick={() => void giveProfiles('installed', null)}>
          Add profiles…
        </Button>
      }
    >
      <FileDrop
        className="samples stack"
        overClassName="samples-over"
        onDrop={(dropped) => {
          const paths = dropped.filter((path) => path !== '');
          if (paths.length > 0) void giveProfiles('installed', paths);
        }}
      >
        {installed.length === 0 ? (
          <>
            <ProblemNote
              plain
              severity="warning"
              what="No sample yet: without one the profile can be made, but never proven."
              why="A device refuses an update whose ServerURL, topic or identifier is another than the installed one’s, and loses every payload that is not in it."
              remedy="Drop the profile the old server handed out, signed or not, or have a Mac list what it holds:"
            >
              <Code text="sudo profiles -C -o stdout-xml > mac.plist" label="the command for a Mac" />
            </ProblemNote>
          </>
        ) : (
          <ul className="samples-list" aria-label="Profiles from devices">
            {installed.map((profile) => (
              <Sample
                key={profile.file}
                profile={profile}
                onRemove={() => void dropProfile('installed', profile.file)}
              />
            ))}
          </ul>
        )}
      </FileDrop>
    </Panel>
  );
}

interface SampleProps {
  readonly profile: GivenProfile;
  readonly onRemove: () => void;
}

export function Sample({ profile, onRemove }: SampleProps): React.JSX.Element {
  const { file, form, identifier, serverUrl, payloads } = profile;
  const name = file.split(/[\\/]/).at(-1) ?? file;
  return (
    <li className="sample">
      {form === 'listing' ? <ListTree size={15} aria-hidden /> : <FileBadge size={15} aria-hidden />}
      <span className="sample-name mono" title={file}>
        {name}
      </span>
      <span className="muted">
        {FORMS[form]}, {payloads} {payloads === 1 ? 'payload' : 'payloads'}
      </span>
      <span className="sample-url mono" title={identifier ?? undefined}>
        {serverUrl ?? 'no ServerURL'}
      </span>
      <IconButton icon={X} label={`Put ${name} away`} onClick={onRemove} />
    </li>
  );
}
