/** The agent onto Macs through the old server: looked at first, then sent, then followed. */
import { Eye, Send } from 'lucide-react';
import { useState } from 'react';
import type { DeviceChoice, RolloutShown } from '../../../contract/controls';
import type { ReplyFailure } from '../../../contract/reply';
import { call } from '../../bridge';
import { Button } from '../../components/button';
import { ConfirmDialog } from '../../components/confirm-dialog';
import { FailurePanel } from '../../components/failure-panel';
import { FieldRow, Fields } from '../../components/field';
import { Panel } from '../../components/panel';
import { counted } from '../../format/number';
import { closeDialog, openDialog, useUi } from '../../stores/ui';
import { controlsSaved } from '../controls/controls-settings';
import { DeviceChoiceField } from '../controls/device-choice';
import { OldServerFields } from '../controls/old-server-fields';
import { SettingField } from '../controls/setting-field';
import { AGENT_WORDS } from './agent-words';
import { keepInstalled, keepRollout, useAgent } from './agent-store';

const DIALOG = 'agent/install';

export function InstallPanel(): React.JSX.Element {
  const plan = useAgent((held) => held.plan);
  const [choice, setChoice] = useState<DeviceChoice>('list');
  const [failure, setFailure] = useState<ReplyFailure | null>(null);
  const look = async (): Promise<void> => {
    await controlsSaved();
    const reply = await call('agent.prepare', { choice });
    setFailure(reply.ok ? null : reply.failure);
    keepRollout(reply.ok ? reply.value : null);
  };
  return (
    <Panel
      title="Install it through the old server"
      sentence="Macs that have it already, by Fleet, are left out. Ten a second; it can be stopped and goes on."
    >
      <div className="stack">
        <Fields>
          <FieldRow>
            <SettingField
              name="manifestUrl"
              label="Where the manifest is served"
              placeholder="https://files.example.com/manifest.plist"
            />
            <DeviceChoiceField
              value={choice}
              all="Every Mac of the source"
              onChange={(next) => {
                setChoice(next);
                keepRollout(null);
              }}
            />
          </FieldRow>
          <OldServerFields />
        </Fields>
        {failure !== null && <FailurePanel failure={failure} />}
        {plan !== null && (
          <div role="group" aria-label="What would be sent" className="stack">
            <p>
              <b>{counted(plan.devices, 'Mac')}</b> would get it through <b>{plan.place}</b>.
            </p>
            {plan.skipped
              .filter(({ devices }) => devices > 0)
              .map(({ code, devices }) => (
                <p key={code} className="muted">
                  {counted(devices, 'device')} left out: {AGENT_WORDS[code]?.toLowerCase() ?? code}.
                </p>
              ))}
            {!plan.fleetAsked && <p className="muted">Fleet was not asked: Macs that have it already get it again.</p>}
          </div>
        )}
        <div className="acts">
          <Button icon={Eye} onClick={() => void look()}>
            Look at what would be sent
          </Button>
          <Button
            icon={Send}
            cannot={
              plan === null
                ? 'Look at what would be sent first.'
                : plan.devices === 0
                  ? 'There is nothing to send.'
                  : null
            }
            onClick={() => {
              openDialog(DIALOG);
            }}
          >
            Send…
          </Button>
        </div>
      </div>
      {plan !== null && <InstallDialog plan={plan} />}
    </Panel>
  );
}

function InstallDialog({ plan }: { readonly plan: RolloutShown }): React.JSX.Element {
  const dialog = useUi((ui) => ui.dialog);
  return (
    <ConfirmDialog
      title="Install Fleet’s agent"
      opened={dialog === DIALOG}
      onClose={closeDialog}
      act={`Send to ${counted(plan.devices, 'Mac')}`}
      name={plan.place}
      onConfirm={async (typed) => {
        const reply = await call('agent.install', { planId: plan.id, confirmation: typed });
        if (!reply.ok) return reply.failure;
        keepInstalled(reply.value);
        return null;
      }}
    >
      <p>
        {counted(plan.devices, 'Mac')} {plan.devices === 1 ? 'fetches' : 'fetch'} <code>{plan.manifestUrl}</code> and{' '}
        {plan.devices === 1 ? 'installs' : 'install'} the package it names.
      </p>
      <p className="muted">
        A Mac acknowledges before it downloads. Whether it worked shows when Fleet is asked who has it.
      </p>
    </ConfirmDialog>
  );
}
