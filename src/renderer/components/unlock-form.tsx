/** Asks for the password of what is locked. It goes to main, and does not come back. */
import { PasswordInput } from '@mantine/core';
import { LockOpen } from 'lucide-react';
import { useRef, useState } from 'react';
import { counted } from '../format/number';
import { Button } from './button';
import './unlock-form.css';

interface UnlockFormProps {
  /** Things that are locked. */
  readonly locked: number;
  /** Tries it. False: it opened nothing. */
  readonly onUnlock: (password: string) => Promise<boolean>;
}

export function UnlockForm({ locked, onUnlock }: UnlockFormProps): React.JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const [wrong, setWrong] = useState(false);
  const hand = async (): Promise<void> => {
    const value = input.current?.value ?? '';
    if (value === '' || input.current === null) return;
    input.current.value = '';
    setWrong(!(await onUnlock(value)));
  };
  return (
    <form
      className="unlock"
      onSubmit={(event) => {
        event.preventDefault();
        void hand();
      }}
    >
      <PasswordInput
        ref={input}
        label={`${counted(locked, 'thing')} ${locked === 1 ? 'is' : 'are'} locked by a password`}
        error={wrong ? 'That opened nothing.' : undefined}
        autoComplete="off"
        visibilityToggleButtonProps={{ 'aria-label': 'Show the password' }}
      />
      <Button type="submit" icon={LockOpen}>
        Open
      </Button>
    </form>
  );
}
