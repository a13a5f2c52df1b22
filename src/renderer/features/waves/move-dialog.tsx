/** Moving a wave asks for its name, and says what happens in which order. */
import { useState } from 'react';
import { call } from '../../bridge';
import { ConfirmDialog } from '../../components/confirm-dialog';
import { counted, grouped } from '../../format/number';
import { useAppState } from '../../stores/app-state';
import { closeDialog, useUi } from '../../stores/ui';
import { TargetWord } from '../apply/target-word';
import { CarriedMaps } from './carried-maps';
import { wakeSentence } from './wave-preview';
import { MOVE_DIALOG } from './waves-actions';

export function MoveDialog(): React.JSX.Element | null {
  const dialog = useUi((ui) => ui.dialog);
  const preview = useAppState((state) => state.waves.preview);
  const database = useAppState((state) => state.workspace?.settings.fleet.database ?? '');
  const [copied, setCopied] = useState<Record<string, string>>({});
  if (preview === null) return null;
  const { rung, planId, counts } = preview;
  const devices = counted(counts.moving, 'device');
  return (
    <ConfirmDialog
      title={`Move «${rung}»`}
      opened={dialog === MOVE_DIALOG}
      onClose={closeDialog}
      act={`Move ${devices}`}
      name={rung}
      onConfirm={async (typed) => {
        const reply = await call('waves.move', { rung, planId, confirmation: typed, copied });
        return reply.ok ? null : reply.failure;
      }}
    >
      <TargetWord />
      <p>
        The rows of <b>{devices}</b> are written to <b>{database}</b> ({grouped(counts.insert)} inserted,{' '}
        {grouped(counts.refresh)} refreshed) and read back. Only then are their routes switched, on every instance.{' '}
        {counts.left > 0 && `${counted(counts.left, 'device')} of the wave stay at the old server. `}
        {wakeSentence(preview)}
      </p>
      <CarriedMaps value={copied} onChange={setCopied} />
      <p className="muted">
        Going back later leads them to the old server again, but does not undo what Fleet does to a device meanwhile: a
        renewed certificate, commands it has carried out.
      </p>
    </ConfirmDialog>
  );
}
