/**
 * The certificates of the migration. Now: what the source holds. The inspector (tree, details, compare) takes the place
 * of `HeldCertificates` and gets the same facts.
 */
import { KeyRound } from 'lucide-react';
import { EmptyState } from '../../components/empty-state';
import { useAppState } from '../../stores/app-state';
import { goTo } from '../../stores/route';
import { HeldCertificates } from './held-certificates';

export function CertificatesScreen(): React.JSX.Element {
  const source = useAppState((state) => state.source);
  if (source !== null) return <HeldCertificates source={source} />;
  return (
    <EmptyState
      icon={KeyRound}
      title="No certificates yet"
      sentence="The SCEP CA and the push certificate come from the old server’s database. Read it first."
      actions={[
        {
          id: 'source',
          label: 'Go to Source',
          run: () => {
            goTo('source');
          },
        },
      ]}
    />
  );
}
