/** Answering a check: who says so, and what they say. Both land in the journal and in the report. */
import { useState } from 'react';
import type { CheckRow } from '../../../contract/state';
import { ConfirmDialog } from '../../components/confirm-dialog';
import { TextField } from '../../components/field';
import { Prose } from '../../components/prose';
import { call } from '../../bridge';

interface AcknowledgeDialogProps {
  readonly result: CheckRow;
  /** A question to a person rather than a finding to accept. */
  readonly asked: boolean;
  readonly opened: boolean;
  readonly onClose: () => void;
}

export function AcknowledgeDialog({ result, asked, opened, onClose }: AcknowledgeDialogProps): React.JSX.Element {
  const [by, setBy] = useState('');
  const [note, setNote] = useState('');
  return (
    <ConfirmDialog
      title={asked ? `Confirm: ${result.title}` : `Acknowledge: ${result.title}`}
      opened={opened}
      onClose={onClose}
      act={asked ? 'Confirm it' : 'Acknowledge it'}
      onConfirm={async () => {
        if (by.trim() === '' || note.trim() === '') {
          return {
            code: 'check/name-and-note',
            message: by.trim() === '' ? 'It needs the name of a person.' : 'It needs a note.',
            remedy: 'Both are written into the journal and the report, so that it is known later who knew what.',
          };
        }
        const reply = await call('checks.acknowledge', { id: result.id, by: by.trim(), note: note.trim() });
        return reply.ok ? null : reply.failure;
      }}
    >
      <p>
        <Prose text={result.sentence} />
      </p>
      {result.status === 'fail' && !asked && (
        <p>Acknowledging does not mend it: apply goes on although it is so, and says who took that on.</p>
      )}
      <TextField label="Who says so" value={by} onChange={setBy} data-autofocus />
      <TextField
        label="Note"
        hint={asked ? 'When, where it lies, which value was set.' : 'Why it may be so in this migration.'}
        value={note}
        onChange={setNote}
      />
    </ConfirmDialog>
  );
}
