/** Taking back what a journal inserted: says what goes and what stays, and asks for the name of the database. */
import { call } from '../../bridge';
import { ConfirmDialog } from '../../components/confirm-dialog';
import { useAppState } from '../../stores/app-state';
import { goTo } from '../../stores/route';
import { closeDialog, useUi } from '../../stores/ui';
import { undoOf } from './apply-actions';
import { TargetWord } from './target-word';
import { WhatUndoDoes } from './undo-panel';

export function UndoDialog(): React.JSX.Element | null {
  const asked = undoOf(useUi((ui) => ui.dialog));
  const fleet = useAppState((state) => state.fleet);
  const applied = useAppState((state) => state.applied);
  if (fleet === null) return null;
  const { database, host } = fleet;
  const { journal = '', rehearse = true } = asked ?? {};
  const mine = applied !== null && applied.journal === journal ? applied.counts : null;
  const name = journal.split(/[\\/]/).at(-1) ?? journal;
  return (
    <ConfirmDialog
      title={rehearse ? `Rehearse taking back from ${database}` : `Take back from ${database} at ${host}`}
      opened={asked !== null}
      onClose={closeDialog}
      act={rehearse ? 'Rehearse it' : 'Take it back'}
      danger={!rehearse}
      name={rehearse ? undefined : database}
      onConfirm={async (typed) => {
        const reply = await call('undo.start', { journal, rehearse, confirmation: rehearse ? database : typed });
        if (!reply.ok) return reply.failure;
        goTo('apply');
        return null;
      }}
    >
      <TargetWord />
      <p>
        From the journal <code>{name}</code>, in <b>{database}</b> at <b>{host}</b>.
        {rehearse && ' Everything is rolled back; the result says what would have gone.'}
      </p>
      <WhatUndoDoes
        inserted={mine === null ? null : mine.inserted + mine.already}
        refreshed={mine?.refreshed ?? null}
      />
    </ConfirmDialog>
  );
}
