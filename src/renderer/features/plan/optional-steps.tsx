/** What a plan can do besides rows of devices: shown, chosen here, and only done where it was chosen. */
import { FolderOpen, X } from 'lucide-react';
import type { PlanSummary, Settings } from '../../../contract/state';
import { Button, IconButton } from '../../components/button';
import { CheckField } from '../../components/field';
import { Panel } from '../../components/panel';
import { counted, grouped } from '../../format/number';
import { perform } from '../../hooks/use-call';
import { useAppState } from '../../stores/app-state';

type Planning = Settings['planning'];

const NONE: Planning = { serials: true, queue: false, teamMap: '' };

export function OptionalSteps({ plan }: { readonly plan: PlanSummary }): React.JSX.Element {
  const planning = useAppState((state) => state.workspace?.settings.planning ?? NONE);
  const { queueLeftovers, serials, placed } = plan;
  const choose = (part: Partial<Planning>): void => {
    void perform('plan', 'workspace.save', { planning: { ...planning, ...part } });
  };
  return (
    <Panel
      title="Besides the devices’ rows"
      sentence="Each is done only where it is chosen, and taken up when the plan is made anew."
      flush
    >
      <ul className="plan-steps">
        {serials !== null && (
          <li>
            <CheckField
              label="Lift Fleet’s certificate serials above the old CA’s"
              hint={`Fleet’s next serial is ${serials.targetNext}, the old CA’s is ${serials.sourceNext}. Two certificates of one CA must not share one. An undo leaves the counter where it is.`}
              checked={planning.serials}
              onChange={(checked) => {
                choose({ serials: checked });
              }}
            />
          </li>
        )}
        {queueLeftovers > 0 && (
          <li>
            <CheckField
              label={`Switch off ${counted(queueLeftovers, 'command')} of an earlier import`}
              hint={`They would run at the devices’ first contact: ${grouped(queueLeftovers)} rows of nano_enrollment_queue are active. An undo switches them on again.`}
              checked={planning.queue}
              onChange={(checked) => {
                choose({ queue: checked });
              }}
            />
          </li>
        )}
        <li className="plan-teams">
          <div>
            <p>Teams for iPhones and iPads</p>
            <p className="muted">
              {planning.teamMap === ''
                ? 'They have no agent that would bring them into a team. A CSV file of serial,team or blueprint,team says where Fleet shall place them.'
                : `${counted(placed, 'device')} of this plan ${placed === 1 ? 'is' : 'are'} placed in a team.`}
            </p>
            {planning.teamMap !== '' && <p className="mono plan-team-map">{planning.teamMap}</p>}
          </div>
          <Button icon={FolderOpen} onClick={() => void chooseTeamMap(choose)}>
            {planning.teamMap === '' ? 'Choose a team map…' : 'Another…'}
          </Button>
          {planning.teamMap !== '' && (
            <IconButton
              icon={X}
              label="Plan without a team map"
              onClick={() => {
                choose({ teamMap: '' });
              }}
            />
          )}
        </li>
      </ul>
    </Panel>
  );
}

async function chooseTeamMap(choose: (part: Partial<Planning>) => void): Promise<void> {
  const path = await perform('plan', 'file.choose', { purpose: 'team-map' });
  if (path !== null) choose({ teamMap: path });
}
