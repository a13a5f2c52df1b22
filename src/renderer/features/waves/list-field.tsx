/** Devices by name: UDIDs or serial numbers, one a line, as pasted from a list. */
import { Textarea } from '@mantine/core';

interface ListFieldProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
}

export function ListField({ value, onChange }: ListFieldProps): React.JSX.Element {
  const count = value.split('\n').filter((line) => line.replace(/#.*$/, '').trim() !== '').length;
  return (
    <Textarea
      label="UDIDs or serial numbers"
      description={`One a line; # begins a comment. ${count === 0 ? 'None yet.' : `${count} so far.`}`}
      value={value}
      rows={4}
      spellCheck={false}
      autoComplete="off"
      classNames={{ input: 'field-mono' }}
      onChange={(event) => {
        onChange(event.currentTarget.value);
      }}
    />
  );
}
