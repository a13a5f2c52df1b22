/** Setting the routes again to what the waves left. */
import { useState } from 'react';
import { call } from '../../bridge';
import { ConfirmDialog } from '../../components/confirm-dialog';
import { toast } from '../../components/toast';
import { counted } from '../../format/number';
import { useAppState } from '../../stores/app-state';
import { closeDialog, useUi } from '../../stores/ui';
import { CarriedMaps } from './carried-maps';
import { SET_DIALOG } from './waves-actions';

export function SetDialog(): React.JSX.Element {
  const dialog = useUi((ui) => ui.dialog);
  const atFleet = useAppState((state) => state.waves.ladder?.atFleet ?? 0);
  const [copied, setCopied] = useState<Record<string, string>>({});
  return (
    <ConfirmDialog
      title="Set the routes again"
      opened={dialog === SET_DIALOG}
      onClose={closeDialog}
      act={`Lead ${counted(atFleet, 'device')} to Fleet`}
      name="set"
      onConfirm={async (typed) => {
        const reply = await call('waves.set', { confirmation: typed, copied });
        if (!reply.ok) return reply.failure;
        toast('Routes set again', `${counted(reply.value.total, 'device')} go to Fleet, all others to the old server.`);
        return null;
      }}
    >
      <p>
        Every instance is told again what the waves left: <b>{counted(atFleet, 'device')}</b> go to Fleet, all others to
        the old server. After somebody changed a map, or mdmproxy was restarted, which forgets everything.
      </p>
      <CarriedMaps value={copied} onChange={setCopied} />
    </ConfirmDialog>
  );
}
