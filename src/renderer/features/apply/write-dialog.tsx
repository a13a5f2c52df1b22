/** Rehearsing asks; writing asks for the name of the database it writes to. */
import type { PlanSummary } from '../../../contract/state';
import { call } from '../../bridge';
import { ConfirmDialog } from '../../components/confirm-dialog';
import { counted } from '../../format/number';
import { useAppState } from '../../stores/app-state';
import { closeDialog, useUi } from '../../stores/ui';
import { REHEARSE_DIALOG, WRITE_DIALOG } from './apply-actions';
import { goingIn } from './apply-standing';
import { TargetWord } from './target-word';
import { WhatIsWritten } from './what-happens';

export function WriteDialog({ plan }: { readonly plan: PlanSummary }): React.JSX.Element {
  const dialog = useUi((ui) => ui.dialog);
  const rehearsed = useAppState((state) => (state.rehearsal?.finishedAt ?? 0) >= plan.madeAt);
  const { database, host } = plan.target;
  const devices = counted(goingIn(plan), 'device');
  const start = async (rehearse: boolean, confirmation: string) => {
    const reply = await call('apply.start', { rehearse, confirmation });
    return reply.ok ? null : reply.failure;
  };
  return (
    <>
      <ConfirmDialog
        title={`Rehearse on ${host}`}
        opened={dialog === REHEARSE_DIALOG}
        onClose={closeDialog}
        act={`Rehearse ${devices}`}
        onConfirm={() => start(true, database)}
      >
        <TargetWord />
        <p>
          The rows of {devices} are written to <b>{database}</b> at <b>{host}</b> in one go after the other, read back,
          and rolled back. Nothing stays.
        </p>
        <p className="muted">
          While a batch is rehearsed its rows are locked for a moment, so Fleet may answer a device a little later.
        </p>
      </ConfirmDialog>
      <ConfirmDialog
        title={`Write to ${database} at ${host}`}
        opened={dialog === WRITE_DIALOG}
        onClose={closeDialog}
        act={`Write ${devices}`}
        name={database}
        onConfirm={(typed) => start(false, typed)}
      >
        <TargetWord />
        <WhatIsWritten plan={plan} />
        <p>
          There should be a backup of that database. What Fleet or a device touches afterwards cannot be taken back.
          {!rehearsed && ' This plan has not been rehearsed.'}
        </p>
      </ConfirmDialog>
    </>
  );
}
