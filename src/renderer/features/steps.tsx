/**
 * The steps of a migration, in the order of the rail. A new screen is a folder beside this file and one entry here.
 *
 *     { name: 'checks', title: 'Checks', sentence: '…', icon: ListChecks, Screen: ChecksScreen, primary: checksPrimary }
 *
 * A screen reads the state with `useAppState`, asks main with `useCall` / `useAnswer` / `perform`, and is made of
 * components/. The frame around it draws title, sentence, primary action, menu and the step's failure.
 */
import {
  BookText,
  Database,
  FileCheck,
  FileDiff,
  KeyRound,
  ListChecks,
  MonitorSmartphone,
  PackagePlus,
  PenLine,
  Server,
  Signpost,
  SlidersHorizontal,
  Waypoints,
} from 'lucide-react';
import type { StepName } from '../../contract/state';
import { agentPrimary } from './agent/agent-actions';
import { AgentScreen } from './agent/agent-screen';
import { applyMore, applyPrimary } from './apply/apply-actions';
import { ApplyScreen } from './apply/apply-screen';
import { CertificatesScreen } from './certificates/certificates-screen';
import { checksPrimary } from './checks/checks-actions';
import { ChecksScreen } from './checks/checks-screen';
import { controlsMore, controlsPrimary } from './controls/controls-actions';
import { ControlsScreen } from './controls/controls-screen';
import { cutoverPrimary } from './cutover/cutover-actions';
import { CutoverScreen } from './cutover/cutover-screen';
import { DevicesScreen } from './devices/devices-screen';
import { devicesMore, devicesPrimary } from './devices/watch-actions';
import { fleetMore, fleetPrimary } from './fleet/fleet-actions';
import { FleetScreen } from './fleet/fleet-screen';
import { JournalScreen } from './journal/journal-screen';
import { planMore, planPrimary } from './plan/plan-actions';
import { PlanScreen } from './plan/plan-screen';
import { reportPrimary } from './report/report-actions';
import { ReportScreen } from './report/report-screen';
import { sourceMore, sourcePrimary } from './source/source-actions';
import { typedWays } from './source/source-draft';
import { SourceScreen } from './source/source-screen';
import type { StepScreen } from './step-screen';
import { wavesMore, wavesPrimary } from './waves/waves-actions';
import { WavesScreen } from './waves/waves-screen';

export const STEP_SCREENS: readonly StepScreen[] = [
  {
    name: 'source',
    title: 'Source',
    sentence: 'Read the old server’s database, without writing to it.',
    icon: Database,
    Screen: SourceScreen,
    showsFailure: true,
    primary: sourcePrimary,
    typed: typedWays,
    more: sourceMore,
  },
  {
    name: 'certificates',
    title: 'Certificates',
    sentence: 'Keys and certificates: which belong together, what goes into Fleet, how devices renew.',
    icon: KeyRound,
    Screen: CertificatesScreen,
  },
  {
    name: 'fleet',
    title: 'Fleet',
    sentence: 'Connect to Fleet’s database and see what stands there.',
    icon: Server,
    Screen: FleetScreen,
    showsFailure: true,
    primary: fleetPrimary,
    more: fleetMore,
  },
  {
    name: 'checks',
    title: 'Checks',
    sentence: 'What has to be right before a single row is written.',
    icon: ListChecks,
    Screen: ChecksScreen,
    primary: checksPrimary,
  },
  {
    name: 'controls',
    title: 'Controls',
    sentence: 'The old server’s profiles beside Fleet’s: what is updated, what is new, what stays behind.',
    icon: SlidersHorizontal,
    Screen: ControlsScreen,
    primary: controlsPrimary,
    more: controlsMore,
  },
  {
    name: 'agent',
    title: 'Agent',
    sentence: 'Fleet’s agent on every Mac before the switch, through the old server.',
    icon: PackagePlus,
    Screen: AgentScreen,
    primary: agentPrimary,
  },
  {
    name: 'plan',
    title: 'Plan',
    sentence: 'Decide, device by device, what will be written to Fleet.',
    icon: FileDiff,
    Screen: PlanScreen,
    fills: true,
    primary: planPrimary,
    more: planMore,
  },
  {
    name: 'apply',
    title: 'Apply',
    sentence: 'Rehearse, write in transactions, and read back what was written.',
    icon: PenLine,
    Screen: ApplyScreen,
    primary: applyPrimary,
    more: applyMore,
  },
  {
    name: 'cutover',
    title: 'Cutover',
    sentence: 'Lead the old name to Fleet, and see that it does.',
    icon: Signpost,
    Screen: CutoverScreen,
    primary: cutoverPrimary,
  },
  {
    name: 'waves',
    title: 'Waves',
    sentence: 'Move devices a few at a time, see where each goes, and go back.',
    icon: Waypoints,
    Screen: WavesScreen,
    primary: wavesPrimary,
    more: wavesMore,
  },
  {
    name: 'devices',
    title: 'Devices',
    sentence: 'Every device: what was decided, where it stands, and by what that is known.',
    icon: MonitorSmartphone,
    Screen: DevicesScreen,
    fills: true,
    primary: devicesPrimary,
    more: devicesMore,
  },
  {
    name: 'report',
    title: 'Report',
    sentence: 'Hand over what was moved, and see whether the old server may go.',
    icon: FileCheck,
    Screen: ReportScreen,
    primary: reportPrimary,
  },
  {
    name: 'journal',
    title: 'Journal',
    sentence: 'What was done, by whom and when; undo starts here.',
    icon: BookText,
    Screen: JournalScreen,
    fills: true,
  },
];

export function stepScreen(name: StepName): StepScreen {
  const found = STEP_SCREENS.find((step) => step.name === name);
  if (found === undefined) throw new Error(`No step is called ${name}`);
  return found;
}
