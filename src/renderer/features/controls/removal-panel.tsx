/** Taking the chosen profiles off devices: looked at first, then sent, then followed. */
import { Eye, Send } from 'lucide-react';
import { useState } from 'react';
import type { DeviceChoice, RemovalShown } from '../../../contract/controls';
import type { ReplyFailure } from '../../../contract/reply';
import { call } from '../../bridge';
import { Button } from '../../components/button';
import { ConfirmDialog } from '../../components/confirm-dialog';
import { FailurePanel } from '../../components/failure-panel';
import { CheckField, ChoiceField, FieldRow, Fields } from '../../components/field';
import { Panel } from '../../components/panel';
import { ProblemNote } from '../../components/problem-note';
import { SecretField } from '../../components/secret-field';
import { counted } from '../../format/number';
import { closeDialog, openDialog, useUi } from '../../stores/ui';
import { controlsSaved } from './controls-settings';
import { choose, keepPlan, keepSent, useControls } from './controls-store';
import { DeviceChoiceField } from './device-choice';
import { OldServerFields } from './old-server-fields';

const DIALOG = 'controls/remove';

const SKIPPED: Readonly<Record<string, string>> = {
  'not-installed': 'do not have it, by the commands the source keeps',
  'not-enrolled': 'are not enrolled at the source',
  'no-host': 'are no hosts of Fleet’s',
};

export function RemovalPanel(): React.JSX.Element {
  const { selected, accepted, plan } = useControls((held) => held);
  const [way, setWay] = useState<'old-server' | 'fleet'>('old-server');
  const [choice, setChoice] = useState<DeviceChoice>('list');
  const [failure, setFailure] = useState<ReplyFailure | null>(null);
  const look = async (codes: readonly string[]): Promise<void> => {
    await controlsSaved();
    const reply = await call('controls.prepare', { identifiers: [...selected], way, choice, accepted: [...codes] });
    setFailure(reply.ok ? null : reply.failure);
    keepPlan(reply.ok ? reply.value : null);
  };
  return (
    <Panel
      title="Take profiles off devices"
      sentence={
        selected.length === 0
          ? 'Choose profiles above that stay behind and shall go.'
          : `${counted(selected.length, 'profile')} chosen. Nothing is sent before it was looked at.`
      }
    >
      <div className="stack">
        <Fields>
          <FieldRow>
            <ChoiceField
              label="Through"
              value={way}
              choices={[
                { value: 'old-server', label: 'The old server, before the switch' },
                { value: 'fleet', label: 'Fleet, after the switch' },
              ]}
              onChange={(next) => {
                setWay(next);
                keepPlan(null);
              }}
            />
            <DeviceChoiceField
              value={choice}
              all="Every device that has it"
              onChange={(next) => {
                setChoice(next);
                keepPlan(null);
              }}
            />
          </FieldRow>
          {way === 'old-server' ? (
            <OldServerFields />
          ) : (
            <SecretField
              kind="fleet-token"
              label="Fleet’s API token"
              hint="Of an administrator or maintainer."
              fromFile
            />
          )}
        </Fields>
        {failure !== null && <FailurePanel failure={failure} />}
        {plan !== null && (
          <PlanShown
            plan={plan}
            accepted={accepted}
            onAccept={(codes) => {
              choose({ accepted: codes });
              void look(codes);
            }}
          />
        )}
        <div className="acts">
          <Button
            icon={Eye}
            cannot={selected.length === 0 ? 'Choose profiles first.' : null}
            onClick={() => void look(accepted)}
          >
            Look at what would be sent
          </Button>
          <Button
            icon={Send}
            danger
            cannot={cannotSend(plan)}
            onClick={() => {
              openDialog(DIALOG);
            }}
          >
            Send…
          </Button>
        </div>
      </div>
      {plan !== null && <RemoveDialog plan={plan} accepted={accepted} />}
    </Panel>
  );
}

function cannotSend(plan: RemovalShown | null): string | null {
  if (plan === null) return 'Look at what would be sent first.';
  if (plan.refusals.length > 0) return 'Something among it is refused.';
  return plan.commands === 0 ? 'There is nothing to send.' : null;
}

function PlanShown({
  plan,
  accepted,
  onAccept,
}: {
  readonly plan: RemovalShown;
  readonly accepted: readonly string[];
  readonly onAccept: (codes: readonly string[]) => void;
}): React.JSX.Element {
  const codes = [
    ...new Set([...plan.refusals.filter(({ overridable }) => overridable).map(({ code }) => code), ...accepted]),
  ];
  return (
    <div className="stack" role="group" aria-label="What would be sent">
      <p>
        <b>{counted(plan.commands, 'command')}</b> to <b>{counted(plan.devices, 'device')}</b> through{' '}
        <b>{plan.place}</b>.
      </p>
      {plan.refusals.length > 0 && (
        <ul className="problem-list" aria-label="Refused">
          {plan.refusals.map(({ identifier, code, sentence, remedy }) => (
            <li key={`${identifier} ${code}`}>
              <ProblemNote plain severity="error" what={sentence} remedy={remedy} code={code} />
            </li>
          ))}
        </ul>
      )}
      {codes.map((code) => (
        <CheckField
          key={code}
          label={`Send it although ${ACCEPTED[code] ?? code}`}
          checked={accepted.includes(code)}
          onChange={(checked) => {
            onAccept(checked ? [...accepted, code] : accepted.filter((one) => one !== code));
          }}
        />
      ))}
      {plan.skipped.map(({ code, devices }) => (
        <p key={code} className="muted">
          {counted(devices, 'device')} left out: they {SKIPPED[code] ?? code}.
        </p>
      ))}
    </div>
  );
}

const ACCEPTED: Readonly<Record<string, string>> = {
  'carries-network': 'it carries a network',
  'carries-identity': 'it carries an identity',
  'still-in-fleet': 'it is in Fleet as well',
  'unknown-profile': 'nobody knows what is in it',
};

function RemoveDialog({
  plan,
  accepted,
}: {
  readonly plan: RemovalShown;
  readonly accepted: readonly string[];
}): React.JSX.Element {
  const dialog = useUi((ui) => ui.dialog);
  return (
    <ConfirmDialog
      title="Take profiles off devices"
      opened={dialog === DIALOG}
      onClose={closeDialog}
      act={`Send ${counted(plan.commands, 'command')}`}
      danger
      name={plan.place}
      onConfirm={async (typed) => {
        const reply = await call('controls.remove', { planId: plan.id, confirmation: typed, accepted: [...accepted] });
        if (!reply.ok) return reply.failure;
        keepSent(reply.value);
        return null;
      }}
    >
      <p>
        {counted(plan.devices, 'device')} {plan.devices === 1 ? 'gets' : 'get'} the command to remove{' '}
        {plan.subjects.map(({ identifier }) => identifier).join(', ')}.
      </p>
      <p className="muted">
        What a device has removed comes back only when it is installed again. Each command is in the journal.
      </p>
    </ConfirmDialog>
  );
}
