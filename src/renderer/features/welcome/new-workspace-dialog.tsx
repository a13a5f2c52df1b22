/** A new workspace needs a name; where it lies is asked by the system's own dialog. */
import { useState } from 'react';
import { Button } from '../../components/button';
import { Dialog } from '../../components/dialog';
import { FailurePanel } from '../../components/failure-panel';
import { TextField } from '../../components/field';
import { useCall } from '../../hooks/use-call';
import { closeDialog, useUi } from '../../stores/ui';
import { NEW_WORKSPACE } from './workspace-actions';

export function NewWorkspaceDialog(): React.JSX.Element {
  const opened = useUi((ui) => ui.dialog === NEW_WORKSPACE);
  return (
    <Dialog title="New workspace" opened={opened} onClose={closeDialog} width={440}>
      <NewWorkspaceForm />
    </Dialog>
  );
}

function NewWorkspaceForm(): React.JSX.Element {
  const [name, setName] = useState('');
  const create = useCall('workspace.create');
  const cannot = name.trim() === '' ? 'Give it a name first.' : create.pending ? 'It is under way.' : null;
  const submit = async (): Promise<void> => {
    const reply = await create.run({ name: name.trim(), parent: null });
    if (reply.ok && reply.value) closeDialog();
  };
  return (
    <form
      className="dialog-stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (cannot === null) void submit();
      }}
    >
      <TextField
        label="Name"
        hint="Usually the customer’s. It becomes a folder with settings, plans, journals and reports, and no secrets."
        value={name}
        onChange={setName}
        data-autofocus
      />
      {create.failure !== null && <FailurePanel failure={create.failure} />}
      <div className="dialog-actions">
        <Button onClick={closeDialog}>Cancel</Button>
        <Button type="submit" variant="primary" cannot={cannot}>
          Choose a folder and create it…
        </Button>
      </div>
    </form>
  );
}
