/** Whom something is sent to: every device of the source, or a list the operator chose. */
import { ListPlus } from 'lucide-react';
import { useState } from 'react';
import type { DeviceChoice } from '../../../contract/controls';
import type { ReplyFailure } from '../../../contract/reply';
import { call } from '../../bridge';
import { Button } from '../../components/button';
import { ChoiceField } from '../../components/field';
import { FailurePanel } from '../../components/failure-panel';
import { counted } from '../../format/number';

interface DeviceChoiceFieldProps {
  readonly value: DeviceChoice;
  readonly onChange: (value: DeviceChoice) => void;
  /** `Every Mac of the source`. */
  readonly all: string;
}

export function DeviceChoiceField({ value, onChange, all }: DeviceChoiceFieldProps): React.JSX.Element {
  const [list, setList] = useState<{ file: string; devices: number } | null>(null);
  const [failure, setFailure] = useState<ReplyFailure | null>(null);
  const chooseList = async (): Promise<void> => {
    const reply = await call('commands.chooseList', undefined);
    setFailure(reply.ok ? null : reply.failure);
    if (!reply.ok || reply.value === null) return;
    setList(reply.value);
    onChange('list');
  };
  return (
    <div className="stack">
      <ChoiceField
        label="Devices"
        value={value}
        choices={[
          { value: 'list', label: 'A list: one wave' },
          { value: 'all', label: all },
        ]}
        onChange={onChange}
      />
      {value === 'list' && (
        <div className="acts">
          <Button icon={ListPlus} onClick={() => void chooseList()}>
            Choose a list…
          </Button>
          <span className="muted">
            {list === null
              ? 'One UDID or serial number on each line.'
              : `${list.file}: ${counted(list.devices, 'device')}`}
          </span>
        </div>
      )}
      {failure !== null && <FailurePanel failure={failure} />}
    </div>
  );
}
