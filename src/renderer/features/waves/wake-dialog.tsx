/** Waking a wave again: says what is sent before it is. */
import { call } from '../../bridge';
import { ConfirmDialog } from '../../components/confirm-dialog';
import { toast } from '../../components/toast';
import { counted } from '../../format/number';
import { useAppState } from '../../stores/app-state';
import { closeDialog, useUi } from '../../stores/ui';
import { rungOf } from './waves-actions';

export function WakeDialog(): React.JSX.Element | null {
  const name = rungOf(
    useUi((ui) => ui.dialog),
    'wake',
  );
  const rung = useAppState((state) => state.waves.ladder?.rungs.find((one) => one.name === name) ?? null);
  const held = useAppState((state) => state.secrets.held);
  if (name === null || rung === null) return null;
  const devices = counted(rung.moved, 'device');
  return (
    <ConfirmDialog
      title={`Wake «${name}»`}
      opened
      onClose={closeDialog}
      act={`Wake ${devices}`}
      name={name}
      onConfirm={async (typed) => {
        const reply = await call('waves.wake', { rung: name, confirmation: typed });
        if (!reply.ok) return reply.failure;
        const { sent, failed } = reply.value;
        toast(
          `${counted(sent, 'device')} woken`,
          failed.length === 0
            ? 'They call in within minutes if they are awake.'
            : `${counted(failed.length, 'device')} not: ${failed[0]?.sentence ?? ''}`,
        );
        return null;
      }}
    >
      <p>
        {held.includes('fleet-token')
          ? `${devices} get a command of Fleet that asks for UDID and serial number and changes nothing. `
          : 'Fleet’s API token is not given, so Fleet cannot wake them. '}
        {held.includes('source-api-key')
          ? 'Those Fleet has no host of are pushed by the old server.'
          : 'Those Fleet has no host of are not woken: the old server’s API key is not given at Source.'}
      </p>
    </ConfirmDialog>
  );
}
