/** One of a few, where each choice has to be explained before it is taken. Native radio buttons: arrows move. */
import type { LucideIcon } from 'lucide-react';
import { useId } from 'react';
import { ToneIcon } from './severity-icon';
import type { Tone } from './tone';
import './choice-cards.css';

export interface ChoiceCard<T extends string> {
  readonly value: T;
  readonly label: string;
  readonly sentence: string;
  /** With an icon of its own where the tone’s plain one would mislead. */
  readonly tone?: Tone | undefined;
  readonly icon?: LucideIcon | undefined;
}

interface ChoiceCardsProps<T extends string> {
  readonly label: string;
  readonly choices: readonly ChoiceCard<T>[];
  readonly value: T;
  readonly onChange: (value: T) => void;
  /** Side by side, where there are few and each sentence is short. */
  readonly row?: boolean | undefined;
}

export function ChoiceCards<T extends string>({
  label,
  choices,
  value,
  onChange,
  row = false,
}: ChoiceCardsProps<T>): React.JSX.Element {
  const name = useId();
  return (
    <fieldset className={row ? 'cards cards-row' : 'cards'}>
      <legend className="mantine-InputWrapper-label">{label}</legend>
      {choices.map((choice) => (
        <label key={choice.value} className={choice.value === value ? 'card card-chosen' : 'card'}>
          <input
            type="radio"
            name={name}
            checked={choice.value === value}
            aria-labelledby={`${name}-${choice.value}-label`}
            aria-describedby={`${name}-${choice.value}`}
            onChange={() => {
              onChange(choice.value);
            }}
          />
          <span id={`${name}-${choice.value}-label`} className="card-label">
            <CardIcon choice={choice} />
            {choice.label}
          </span>
          <span id={`${name}-${choice.value}`} className="card-sentence">
            {choice.sentence}
          </span>
        </label>
      ))}
    </fieldset>
  );
}

function CardIcon({ choice }: { readonly choice: ChoiceCard<string> }): React.JSX.Element | null {
  const { tone, icon: Icon } = choice;
  if (tone === undefined) return null;
  return Icon === undefined ? (
    <ToneIcon tone={tone} />
  ) : (
    <Icon className={`tone-icon tone-${tone}`} size={14} aria-hidden />
  );
}
