/** A file or folder of this machine: typed, or chosen with the system's dialog. */
import { FolderOpen } from 'lucide-react';
import type { CallInput } from '../../contract/calls';
import type { StepName } from '../../contract/state';
import { perform } from '../hooks/use-call';
import { Button } from './button';
import { TextField } from './field';

interface PathFieldProps {
  readonly label: string;
  readonly hint?: React.ReactNode;
  readonly placeholder?: string | undefined;
  readonly error?: string | null | undefined;
  readonly value: string;
  readonly onChange: (path: string) => void;
  readonly purpose: CallInput<'file.choose'>['purpose'];
  /** Where a refusal is shown. */
  readonly step: StepName;
}

export function PathField({ purpose, step, ...field }: PathFieldProps): React.JSX.Element {
  const choose = async (): Promise<void> => {
    const path = await perform(step, 'file.choose', { purpose });
    if (path !== null) field.onChange(path);
  };
  return (
    <TextField
      {...field}
      mono
      aside={
        <Button icon={FolderOpen} aria-label={`Choose: ${field.label}`} onClick={() => void choose()}>
          Choose…
        </Button>
      }
    />
  );
}
