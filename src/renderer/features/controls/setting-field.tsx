/** A text of the settings: kept while it is typed, saved when the field is left. */
import { useState } from 'react';
import type { ControlsSettings } from '../../../contract/controls';
import { TextField } from '../../components/field';
import { saveControls, useControlsSettings } from './controls-settings';

interface SettingFieldProps {
  readonly name: keyof ControlsSettings;
  readonly label: string;
  readonly hint?: string | undefined;
  readonly placeholder?: string | undefined;
}

export function SettingField({ name, ...shown }: SettingFieldProps): React.JSX.Element {
  const saved = useControlsSettings()[name];
  const [typed, setTyped] = useState<string | null>(null);
  return (
    <TextField
      {...shown}
      mono
      value={typed ?? saved}
      onChange={setTyped}
      onBlur={() => {
        const text = (typed ?? saved).trim();
        if (text !== saved) void saveControls({ [name]: text }).then(() => setTyped(null));
        else setTyped(null);
      }}
    />
  );
}
