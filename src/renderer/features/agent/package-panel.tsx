/** The package: chosen, looked into, described for the old server. */
import { FileText, PackageSearch } from 'lucide-react';
import { useState } from 'react';
import type { AgentPackageShown } from '../../../contract/controls';
import type { ReplyFailure } from '../../../contract/reply';
import { call } from '../../bridge';
import { Button } from '../../components/button';
import { FailurePanel } from '../../components/failure-panel';
import { Fields } from '../../components/field';
import { KeyValueList } from '../../components/key-value-list';
import { Panel } from '../../components/panel';
import { ProblemNote } from '../../components/problem-note';
import { ShortId } from '../../components/short-id';
import { toast } from '../../components/toast';
import { bytes } from '../../format/number';
import { controlsSaved, useControlsSettings } from '../controls/controls-settings';
import { SettingField } from '../controls/setting-field';
import { askAgain } from './agent-store';

export function PackagePanel({ found }: { readonly found: AgentPackageShown | null }): React.JSX.Element {
  const [failure, setFailure] = useState<ReplyFailure | null>(null);
  const { packageUrl } = useControlsSettings();
  const choosePackage = async (): Promise<void> => {
    await controlsSaved();
    const reply = await call('agent.choosePackage', undefined);
    setFailure(reply.ok ? null : reply.failure);
    askAgain();
  };
  const saveManifest = async (): Promise<void> => {
    await controlsSaved();
    const reply = await call('agent.saveManifest', undefined);
    setFailure(reply.ok ? null : reply.failure);
    if (reply.ok && reply.value !== null) toast('Manifest saved', reply.value.path);
  };
  return (
    <Panel
      title="Package"
      sentence="What a package is for is read out of it: Fleet’s address, the team whose secret is inside, and who signed it."
      aside={
        <Button icon={PackageSearch} onClick={() => void choosePackage()}>
          {found === null ? 'Choose a package…' : 'Choose another…'}
        </Button>
      }
    >
      <div className="stack">
        {failure !== null && <FailurePanel failure={failure} />}
        {found !== null && <Facts found={found} />}
        <Fields>
          <SettingField
            name="packageUrl"
            label="Where the package will be served"
            hint="By https, with a certificate Macs trust. Slipway does not serve it."
            placeholder="https://files.example.com/fleetd.pkg"
          />
        </Fields>
        <div className="acts">
          <Button
            icon={FileText}
            cannot={
              found === null ? 'Choose the package first.' : packageUrl === '' ? 'Write where it will be served.' : null
            }
            onClick={() => void saveManifest()}
          >
            Save the manifest…
          </Button>
        </div>
      </div>
    </Panel>
  );
}

function Facts({ found }: { readonly found: AgentPackageShown }): React.JSX.Element {
  const { signer } = found;
  return (
    <>
      <KeyValueList
        items={[
          { label: 'File', value: <code>{found.path}</code> },
          { label: 'Package', value: `${found.identifier ?? 'unknown'} ${found.version ?? ''}` },
          { label: 'Size', value: bytes(found.size) },
          { label: 'SHA-256', value: <ShortId value={found.sha256} label="SHA-256" /> },
          {
            label: 'Signed by',
            value: signer === null ? 'nobody' : `${signer.name}${signer.isValid ? '' : ' (does not fit)'}`,
          },
          { label: 'Fleet', value: found.fleetUrl ?? (found.usesProfile ? 'from a profile on the Mac' : 'not told') },
          { label: 'Team', value: found.team ?? 'not told' },
          { label: 'Updates from', value: found.updates },
        ]}
      />
      {found.problems.length > 0 && (
        <ul className="problem-list" aria-label="About the package">
          {found.problems.map(({ code, severity, sentence, remedy }) => (
            <li key={code}>
              <ProblemNote plain severity={severity} what={sentence} remedy={remedy} code={code} />
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
