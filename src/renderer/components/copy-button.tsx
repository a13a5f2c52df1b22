/** Copies text and shows in place that it did. */
import { Check, Copy } from 'lucide-react';
import { useCopy } from '../hooks/use-copy';
import { IconButton } from './button';

export function CopyButton({ text, label }: { readonly text: string; readonly label: string }): React.JSX.Element {
  const { copied, copy } = useCopy();
  return (
    <IconButton
      icon={copied ? Check : Copy}
      label={copied ? 'Copied' : label}
      onClick={() => {
        copy(text);
      }}
    />
  );
}
