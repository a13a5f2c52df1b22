/** A name and a note to something that only a person can answer for. */
import { useState } from 'react';
import type { ReplyFailure } from '../../../contract/reply';
import { ConfirmDialog } from '../../components/confirm-dialog';
import { TextField } from '../../components/field';

interface NameDialogProps {
  readonly title: string;
  readonly sentence: string;
  readonly hint: string;
  readonly act: string;
  /** A note is needed as well. */
  readonly noted: boolean;
  readonly onConfirm: (by: string, note: string) => Promise<ReplyFailure | null>;
  readonly onClose: () => void;
}

export function NameDialog({
  title,
  sentence,
  hint,
  act,
  noted,
  onConfirm,
  onClose,
}: NameDialogProps): React.JSX.Element {
  const [by, setBy] = useState('');
  const [note, setNote] = useState('');
  return (
    <ConfirmDialog
      title={title}
      opened
      onClose={onClose}
      act={act}
      onConfirm={async () => {
        if (by.trim() === '' || (noted && note.trim() === ''))
          return {
            code: 'report/name',
            message: by.trim() === '' ? 'It needs the name of a person.' : 'It needs a note.',
            remedy: 'It stands in the report, so that it is known later who knew what.',
          };
        return onConfirm(by.trim(), note.trim());
      }}
    >
      <p>{sentence}</p>
      <TextField label="Who says so" value={by} onChange={setBy} data-autofocus />
      <TextField label="Note" hint={hint} value={note} onChange={setNote} />
    </ConfirmDialog>
  );
}
