/** Keys and certificates: what is at hand, what goes into Fleet, how devices renew in silence, what is issued anew. */
import { useId } from 'react';
import { TabBar, type Tab } from '../../components/tab-bar';
import { useAppState } from '../../stores/app-state';
import { goTo, useRoute } from '../../stores/route';
import { SilentRenewal } from '../renewal/silent-renewal';
import { CaExtension } from './ca-extension';
import { FleetAssets } from './fleet-assets';
import { HeldCertificates } from './held-certificates';
import { Inspector, MaterialDrop } from './inspector';
import { PushRenewal } from './push-renewal';
import './certificates-screen.css';

const TABS = [
  { value: 'hand', label: 'Keys and certificates' },
  { value: 'fleet', label: 'Into Fleet' },
  { value: 'renewal', label: 'Silent renewal' },
  { value: 'issue', label: 'CA and push certificate' },
] as const satisfies readonly Tab<string>[];
type View = (typeof TABS)[number]['value'];

export function CertificatesScreen(): React.JSX.Element {
  const query = useRoute((route) => (route.step === 'certificates' ? route.query : ''));
  const asked = new URLSearchParams(query).get('view');
  const view: View = TABS.find(({ value }) => value === asked)?.value ?? 'hand';
  const panel = useId();
  return (
    <div className="certificates">
      <TabBar
        label="Views of keys and certificates"
        tabs={TABS}
        selected={view}
        panel={panel}
        onSelect={(next) => {
          goTo('certificates', next === 'hand' ? '' : `view=${next}`);
        }}
      />
      <div
        id={panel}
        className="certificates-view"
        role="tabpanel"
        aria-label={TABS.find(({ value }) => value === view)?.label}
      >
        <CertificatesView view={view} />
      </div>
    </div>
  );
}

function CertificatesView({ view }: { readonly view: View }): React.JSX.Element {
  const source = useAppState((state) => state.source);
  switch (view) {
    case 'hand':
      return (
        <MaterialDrop>
          {source !== null && <HeldCertificates source={source} />}
          <Inspector hasSource={source !== null} />
        </MaterialDrop>
      );
    case 'fleet':
      return <FleetAssets />;
    case 'renewal':
      return <SilentRenewal />;
    case 'issue':
      return (
        <>
          <CaExtension />
          <PushRenewal />
        </>
      );
  }
}
