/** The certificates of the migration: the two it stands on, as the source holds them, and the inspector for all others. */
import { useAppState } from '../../stores/app-state';
import { FleetAssets } from './fleet-assets';
import { HeldCertificates } from './held-certificates';
import { Inspector, MaterialDrop } from './inspector';

export function CertificatesScreen(): React.JSX.Element {
  const source = useAppState((state) => state.source);
  return (
    <MaterialDrop>
      {source !== null && <HeldCertificates source={source} />}
      {source !== null && <FleetAssets />}
      <Inspector hasSource={source !== null} />
    </MaterialDrop>
  );
}
