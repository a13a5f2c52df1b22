/**
 * A far-reaching act: says what will change in counts and what cannot be undone, and asks for the name of what it
 * touches. Without `name` it only asks.
 */
import { useState } from 'react';
import type { ReplyFailure } from '../../contract/reply';
import { Button } from './button';
import { Dialog } from './dialog';
import { FailurePanel } from './failure-panel';
import { TextField } from './field';

interface ConfirmDialogProps {
  readonly title: string;
  readonly opened: boolean;
  readonly onClose: () => void;
  /** What the button says: “Write 1,204 devices”. */
  readonly act: string;
  readonly danger?: boolean | undefined;
  /** What has to be typed: the database, the workspace. */
  readonly name?: string | undefined;
  /** Does it; what was typed is given along. A failure stays in the dialog. */
  readonly onConfirm: (typed: string) => Promise<ReplyFailure | null>;
  /** What will change and what cannot be undone. */
  readonly children: React.ReactNode;
}

export function ConfirmDialog(props: ConfirmDialogProps): React.JSX.Element {
  return (
    <Dialog title={props.title} opened={props.opened} onClose={props.onClose}>
      <ConfirmForm {...props} />
    </Dialog>
  );
}

function ConfirmForm({ act, danger, name, onConfirm, onClose, children }: ConfirmDialogProps): React.JSX.Element {
  const [typed, setTyped] = useState('');
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<ReplyFailure | null>(null);
  const cannot = name !== undefined && typed !== name ? `Type ${name} first.` : busy ? 'It is under way.' : null;
  const confirm = async (): Promise<void> => {
    setBusy(true);
    setFailure(null);
    const refused = await onConfirm(typed);
    setBusy(false);
    if (refused === null) onClose();
    else setFailure(refused);
  };
  return (
    <form
      className="dialog-stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (cannot === null) void confirm();
      }}
    >
      {children}
      {name !== undefined && (
        <TextField
          label={
            <>
              Type <code>{name}</code> to confirm
            </>
          }
          value={typed}
          onChange={setTyped}
          mono
          data-autofocus
        />
      )}
      {failure !== null && <FailurePanel failure={failure} />}
      <div className="dialog-actions">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant="primary" danger={danger} cannot={cannot}>
          {act}
        </Button>
      </div>
    </form>
  );
}
