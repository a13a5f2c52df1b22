/**
 * The steps of a migration, in the order of the rail. A new screen is a folder beside this file and one entry here.
 *
 *     { name: 'checks', title: 'Checks', sentence: '…', icon: ListChecks, Screen: ChecksScreen, primary: checksPrimary }
 *
 * A screen reads the state with `useAppState`, asks main with `useCall` / `useAnswer` / `perform`, and is made of
 * components/. The frame around it draws title, sentence, primary action, menu and the step's failure.
 */
import { BookText, Database, FileDiff, KeyRound, ListChecks, MonitorSmartphone, PenLine, Server } from 'lucide-react';
import type { StepName } from '../../contract/state';
import { applyMore, applyPrimary } from './apply/apply-actions';
import { ApplyScreen } from './apply/apply-screen';
import { CertificatesScreen } from './certificates/certificates-screen';
import { checksPrimary } from './checks/checks-actions';
import { ChecksScreen } from './checks/checks-screen';
import { DevicesScreen } from './devices/devices-screen';
import { fleetMore, fleetPrimary } from './fleet/fleet-actions';
import { FleetScreen } from './fleet/fleet-screen';
import { JournalScreen } from './journal/journal-screen';
import { planMore, planPrimary } from './plan/plan-actions';
import { PlanScreen } from './plan/plan-screen';
import { sourceMore, sourcePrimary } from './source/source-actions';
import { SourceScreen } from './source/source-screen';
import type { StepScreen } from './step-screen';

export const STEP_SCREENS: readonly StepScreen[] = [
  {
    name: 'source',
    title: 'Source',
    sentence: 'Read the old server’s database, without writing to it.',
    icon: Database,
    Screen: SourceScreen,
    showsFailure: true,
    primary: sourcePrimary,
    more: sourceMore,
  },
  {
    name: 'certificates',
    title: 'Certificates',
    sentence: 'See which keys and certificates belong together, and when they end.',
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
    name: 'devices',
    title: 'Devices',
    sentence: 'Every device of the source: its verdict, why, and what happens to it.',
    icon: MonitorSmartphone,
    Screen: DevicesScreen,
    fills: true,
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
