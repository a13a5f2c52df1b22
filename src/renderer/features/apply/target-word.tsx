/** Staging or production, in words, where something is about to be written. */
import { CircleHelp, FlaskConical, Siren } from 'lucide-react';
import { Badge } from '../../components/badge';
import { useAppState } from '../../stores/app-state';

export function TargetWord(): React.JSX.Element {
  const badge = useAppState((state) => state.workspace?.settings.badge ?? 'unset');
  if (badge === 'staging') {
    return (
      <p>
        <Badge tone="quiet" icon={FlaskConical}>
          Staging
        </Badge>
      </p>
    );
  }
  return (
    <p>
      {badge === 'production' ? (
        <Badge tone="bad" icon={Siren}>
          Production
        </Badge>
      ) : (
        <Badge tone="caution" icon={CircleHelp}>
          Nobody has said whether this is staging or production
        </Badge>
      )}
    </p>
  );
}
