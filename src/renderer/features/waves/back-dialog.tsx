/** Going back with a wave: first what it would not undo, in counts and by device; then it asks for the wave’s name. */
import { useEffect, useState } from 'react';
import type { BackPreviewShown } from '../../../contract/waves';
import type { ReplyFailure } from '../../../contract/reply';
import { call } from '../../bridge';
import { ConfirmDialog } from '../../components/confirm-dialog';
import { CheckField } from '../../components/field';
import { FailurePanel } from '../../components/failure-panel';
import { Skeleton } from '../../components/skeleton';
import { Stat, Stats } from '../../components/stat';
import { toast } from '../../components/toast';
import { counted, grouped } from '../../format/number';
import { closeDialog, useUi } from '../../stores/ui';
import { LeftOut } from '../apply/left-out';
import { TargetWord } from '../apply/target-word';
import { CarriedMaps } from './carried-maps';
import { rungOf } from './waves-actions';

export function BackDialog(): React.JSX.Element | null {
  const rung = rungOf(
    useUi((ui) => ui.dialog),
    'back',
  );
  return rung === null ? null : <BackOf key={rung} rung={rung} />;
}

function BackOf({ rung }: { readonly rung: string }): React.JSX.Element {
  const [strand, setStrand] = useState(false);
  const [copied, setCopied] = useState<Record<string, string>>({});
  const [preview, setPreview] = useState<BackPreviewShown | null>(null);
  const [failure, setFailure] = useState<ReplyFailure | null>(null);
  useEffect(() => {
    let wanted = true;
    void call('waves.prepareBack', { rung, strand }).then((reply) => {
      if (!wanted) return;
      setPreview(reply.ok ? reply.value : null);
      setFailure(reply.ok ? null : reply.failure);
    });
    return () => {
      wanted = false;
    };
  }, [rung, strand]);
  return (
    <ConfirmDialog
      title={`Go back with «${rung}»`}
      opened
      onClose={closeDialog}
      act={preview === null ? 'Go back' : `Lead ${counted(preview.returning, 'device')} back`}
      danger
      name={rung}
      onConfirm={async (typed) => {
        const reply = await call('waves.back', { rung, confirmation: typed, copied });
        if (!reply.ok) return reply.failure;
        toast('Led back', `${counted(reply.value.returned, 'device')} go to the old server again.`);
        return null;
      }}
    >
      <TargetWord />
      {failure !== null && <FailurePanel failure={failure} />}
      {preview === null && failure === null && <Skeleton lines={4} label="Looking at the way back" />}
      {preview !== null && (
        <>
          <p>
            <b>{counted(preview.returning, 'device')}</b> of {grouped(preview.counts.devices)} are led to the old server
            again, on every instance. Fleet’s rows stay; those nothing has touched can then be taken back in the
            journal.
          </p>
          <WhatStays preview={preview} />
          {(preview.stayingCount > 0 || strand) && (
            <CheckField
              label="Lead them back all the same"
              hint="The old server refuses them until they are enrolled again. Only where they are lost at Fleet as well."
              checked={strand}
              onChange={setStrand}
            />
          )}
          <CarriedMaps value={copied} onChange={setCopied} />
        </>
      )}
    </ConfirmDialog>
  );
}

/** The card of what cannot go back. */
function WhatStays({ preview }: { readonly preview: BackPreviewShown }): React.JSX.Element {
  const { counts, commandTypes, losses, stayingCount, staying } = preview;
  const types = commandTypes.map(({ type, count }) => `${type} ${grouped(count)}`).join(', ');
  return (
    <section className="back-card" aria-label="What going back does not undo">
      <h3>What going back does not undo</h3>
      <Stats label="What going back does not undo">
        <Stat label="Certificates of Fleet’s" value={counts.certificatesRenewed} />
        <Stat label="New push tokens" value={counts.tokensChanged} />
        <Stat label="Ran commands" value={counts.devicesWithCommands} note={counted(counts.commands, 'command')} />
        <Stat label="Still queued" value={counts.queued} note="run when they come again" />
      </Stats>
      {types !== '' && <p className="muted">Carried out: {types}.</p>}
      <LeftOut title="These stay at Fleet: the old server would refuse them" devices={staying} all={stayingCount} />
      <LeftOut
        title="By device"
        devices={losses.filter(({ udid, code }) => !staying.some((one) => one.udid === udid && one.code === code))}
        all={losses.length - staying.length}
      />
    </section>
  );
}
