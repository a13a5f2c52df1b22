/** Rehearse, write, read back; and the way back. */
import { PenLine } from 'lucide-react';
import { EmptyState } from '../../components/empty-state';
import { Code } from '../../components/code';
import { JobPanel } from '../../components/job-panel';
import { ProblemNote } from '../../components/problem-note';
import { counted } from '../../format/number';
import { useReveal } from '../../hooks/use-reveal';
import { useAppState } from '../../stores/app-state';
import { goAction } from '../go-action';
import { blockingChecks, isPretend, isTakenBack, standingOf, type Standing } from './apply-standing';
import { Ladder } from './ladder';
import { RunResult } from './run-result';
import { UndoPanel, UndoResult } from './undo-panel';
import { UndoDialog } from './undo-dialog';
import { VerifyResult } from './verify-result';
import { WhatHappens } from './what-happens';
import { WriteDialog } from './write-dialog';
import './apply-screen.css';

export function ApplyScreen(): React.JSX.Element {
  const standing = useStanding();
  const running = useAppState((state) => state.job?.startedAt ?? null);
  const top = useReveal<HTMLDivElement>(
    running ?? standing?.undone?.finishedAt ?? standing?.applied?.finishedAt ?? standing?.rehearsal?.finishedAt ?? null,
  );
  if (standing === null) return <NoPlan />;
  return (
    <>
      <div ref={top} className="apply-top" />
      <Hindrances standing={standing} />
      <Ladder standing={standing} />
      <Running />
      {standing.undone !== null && <UndoResult undone={standing.undone} />}
      {standing.verified !== null && <VerifyResult verified={standing.verified} />}
      {standing.applied !== null && <RunResult run={standing.applied} />}
      {standing.applied === null && <WhatHappens plan={standing.plan} />}
      {standing.applied === null && standing.rehearsal !== null && <RunResult run={standing.rehearsal} />}
      {standing.applied !== null && !isTakenBack(standing.undone) && <UndoPanel applied={standing.applied} />}
      <WriteDialog plan={standing.plan} />
      <UndoDialog />
    </>
  );
}

/** Kept as one object while the state behind it is the same. */
function useStanding(): Standing | null {
  const state = useAppState((whole) => whole);
  return standingOf(state);
}

function NoPlan(): React.JSX.Element {
  return (
    <EmptyState
      icon={PenLine}
      title="Nothing to write yet"
      sentence="A plan says device by device what is written. It is rehearsed on the real server first, and rolled back."
      actions={[goAction('plan', 'Go to Plan')]}
    />
  );
}

function Running(): React.JSX.Element {
  const kind = useAppState((state) => state.job?.kind ?? null);
  const sentence =
    kind === 'verify'
      ? 'Reading back changes nothing.'
      : kind === 'rehearse'
        ? 'Everything is rolled back at the end. Cancelling rolls it back now.'
        : 'Pausing and cancelling wait for the end of the batch that was begun. What is written by then is journaled, and going on later takes it up there.';
  return <JobPanel kinds={['rehearse', 'apply', 'verify', 'undo']} unit="devices" sentence={sentence} />;
}

/** The sample ends here, and says how to go on for real. */
function NoServer(): React.JSX.Element {
  return (
    <ProblemNote
      severity="info"
      what="The sample has no server behind it, so nothing can be written here."
      why="Source, plan and SQL are real; only Fleet’s answers are pretended. Rehearsing, writing, reading back and taking back want a real database."
      remedy="Start one on this machine, then connect to it at Fleet with the address and password it prints:"
      code="sample-no-server"
      actions={[goAction('fleet', 'Go to Fleet')]}
    >
      <Code text="npm run demo" label="the command" />
    </ProblemNote>
  );
}

function Hindrances({ standing }: { readonly standing: Standing }): React.JSX.Element {
  const blocking = useAppState(blockingChecks);
  const connected = useAppState((state) => state.fleet !== null);
  const unsaid = useAppState((state) => state.workspace?.settings.badge === 'unset');
  const pretend = useAppState(isPretend);
  const { stale } = standing.plan;
  if (pretend) return <NoServer />;
  return (
    <>
      {stale !== null && standing.applied === null && (
        <ProblemNote
          severity="warning"
          what="The plan is out of date."
          why={stale}
          remedy="Nothing is written from it. Make it anew."
          code="plan-stale"
          actions={[goAction('plan', 'Go to Plan')]}
        />
      )}
      {blocking > 0 && (
        <ProblemNote
          severity="error"
          what={`${counted(blocking, 'check')} ${blocking === 1 ? 'holds' : 'hold'} it up.`}
          why="What they found would hurt on this evening, or could not be asked."
          remedy="Settle what they name, or acknowledge by name what may be acknowledged."
          actions={[goAction('checks', 'Go to Checks')]}
        />
      )}
      {unsaid && (
        <ProblemNote
          severity="warning"
          what="It has not been said whether this is staging or production."
          why="The checks differ, and so does the care to be taken."
          actions={[goAction('fleet', 'Go to Fleet')]}
        />
      )}
      {!connected && (
        <ProblemNote
          severity="warning"
          what="Not connected to Fleet."
          remedy="Connect first; the plan stays as it is."
          actions={[goAction('fleet', 'Go to Fleet')]}
        />
      )}
    </>
  );
}
