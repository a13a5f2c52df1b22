/** The switch: how the old name leads to Fleet, what is set in DNS and when, and what the network says of both. */
import { useId } from 'react';
import { FailurePanel } from '../../components/failure-panel';
import { TabBar, type Tab } from '../../components/tab-bar';
import { goTo, useRoute } from '../../stores/route';
import { useCutoverDraft } from './cutover-draft';
import { DnsPanel } from './dns-panel';
import { OldName } from './old-name';
import { ProbePanel } from './probe-panel';
import { RedirectPanel } from './redirect-panel';
import './cutover.css';

const TABS = [
  { value: 'balancer', label: 'Load balancer' },
  { value: 'dns', label: 'DNS' },
  { value: 'probe', label: 'Probe' },
] as const satisfies readonly Tab<string>[];
type View = (typeof TABS)[number]['value'];

export function CutoverScreen(): React.JSX.Element {
  const query = useRoute((route) => (route.step === 'cutover' ? route.query : ''));
  const asked = new URLSearchParams(query).get('view');
  const view: View = TABS.find(({ value }) => value === asked)?.value ?? 'balancer';
  const { failure } = useCutoverDraft();
  const panel = useId();
  return (
    <div className="cutover">
      {failure !== null && <FailurePanel failure={failure} why="What is typed below is not saved." />}
      <OldName />
      <TabBar
        label="Parts of the switch"
        tabs={TABS}
        selected={view}
        panel={panel}
        onSelect={(next) => {
          goTo('cutover', next === 'balancer' ? '' : `view=${next}`);
        }}
      />
      <div
        id={panel}
        role="tabpanel"
        className="cutover-view"
        aria-label={TABS.find(({ value }) => value === view)?.label}
      >
        {view === 'balancer' && <RedirectPanel />}
        {view === 'dns' && <DnsPanel />}
        {view === 'probe' && <ProbePanel />}
      </div>
    </div>
  );
}
