/** Staging or production, said in words before anything can be written. */
import { FlaskConical, Siren } from 'lucide-react';
import type { Settings } from '../../../contract/state';
import { ChoiceCards, type ChoiceCard } from '../../components/choice-cards';
import { perform } from '../../hooks/use-call';
import { useAppState } from '../../stores/app-state';

const CHOICES: readonly ChoiceCard<Settings['badge']>[] = [
  {
    value: 'staging',
    label: 'Staging',
    tone: 'quiet',
    icon: FlaskConical,
    sentence:
      'A rehearsal. It must not hold production’s push topic, or it would push production’s devices; the checks see to that.',
  },
  {
    value: 'production',
    label: 'Production',
    tone: 'bad',
    icon: Siren,
    sentence: 'The Fleet the devices will belong to. Every write asks for the name of its database.',
  },
  { value: 'unset', label: 'Not said yet', sentence: 'It is treated with production’s care.' },
];

export function BadgeChoice(): React.JSX.Element {
  const badge = useAppState((state) => state.workspace?.settings.badge ?? 'unset');
  return (
    <ChoiceCards
      label="The target is"
      choices={CHOICES}
      value={badge}
      onChange={(next) => void perform('fleet', 'workspace.save', { badge: next })}
    />
  );
}
