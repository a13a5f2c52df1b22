/** Reading the old server’s database, and what was found in it. */
import { ArrowLeft, Fingerprint, LifeBuoy, PenLine, RefreshCw } from 'lucide-react';
import { useState } from 'react';
import type { Action } from '../../components/action';
import { Button } from '../../components/button';
import { FailurePanel } from '../../components/failure-panel';
import { JobPanel } from '../../components/job-panel';
import { MonthChart } from '../../components/month-chart';
import { Panel } from '../../components/panel';
import { ProblemNote } from '../../components/problem-note';
import { counted } from '../../format/number';
import { perform } from '../../hooks/use-call';
import { useNow } from '../../hooks/use-now';
import { currentState, useAppState } from '../../stores/app-state';
import { goTo, useRoute } from '../../stores/route';
import { DropZone } from './drop-zone';
import { FindingList } from './finding-list';
import { ReasonList } from './reason-list';
import { HostKeyDialog, isHostUnknown } from './host-key-dialog';
import { aimOf } from './source-actions';
import { SourceList } from './source-list';
import { SourceSummaryStrip } from './source-summary-strip';
import { TableErrors } from './table-errors';
import { WaysIn } from './ways-in';
import './source-screen.css';

/** Where there is no database there is nothing left of one. */
const NO_DATABASE: ReadonlySet<string> = new Set([
  'bolt/not-bolt',
  'bolt/not-found',
  'bolt/not-a-file',
  'bolt/is-directory',
  'bolt/empty-file',
  'bolt/no-permission',
  'bolt/changed-while-reading',
  'bolt/copy-failed',
  'bolt/read-failed',
]);

export function SourceScreen(): React.JSX.Element {
  const source = useAppState((state) => state.source);
  const reading = useAppState((state) => state.job?.kind === 'read');
  const query = useRoute((route) => (route.step === 'source' ? route.query : ''));
  const aim = useAppState((state) => aimOf(query, state));
  const asks = aim !== null && !reading;
  return (
    <DropZone>
      <SourceFailure />
      <JobPanel kinds={['read']} sentence="The source is only read. Cancelling leaves everything as it was." />
      {!reading && <SourceList />}
      {asks && <WaysIn aim={aim} />}
      {source !== null && asks && (
        <div>
          <Button
            icon={ArrowLeft}
            variant="quiet"
            onClick={() => {
              goTo('source', '');
            }}
          >
            Back to what was read
          </Button>
        </div>
      )}
      {source !== null && !asks && <Found />}
    </DropZone>
  );
}

function SourceFailure(): React.JSX.Element | null {
  const failure = useAppState((state) => state.failures.source);
  const source = useAppState((state) => state.workspace?.settings.source);
  const shown = useAppState((state) => state.source !== null);
  const busy = useAppState((state) => state.job !== null);
  const [compares, setCompares] = useState(true);
  if (failure === undefined || source === undefined || busy) return null;
  const { reference, salvage, ways } = source;
  const isDamaged = failure.code.startsWith('bolt/') && !NO_DATABASE.has(failure.code);
  const again: Action = {
    id: 'again',
    label: failure.code === 'csv/invalid' ? 'Read the fixed table' : 'Try again',
    icon: RefreshCw,
    run: () => void perform('source', 'source.read', { reference }),
  };
  const actions: Action[] = reference === '' ? [] : [again];
  if (isDamaged && !salvage)
    actions.push({ id: 'salvage', label: 'Read what is left', icon: LifeBuoy, run: () => void readAgain(true) });
  // With one source only the form is on the screen already unless something was read before.
  const [only] = ways;
  if (shown && only !== undefined && ways.length === 1)
    actions.push({
      id: 'edit',
      label: 'Change how it is read',
      icon: PenLine,
      run: () => {
        goTo('source', `edit=${only.slot}`);
      },
    });
  const unknown = isHostUnknown(failure);
  if (unknown)
    actions.unshift({
      id: 'compare',
      label: 'Compare its key…',
      icon: Fingerprint,
      run: () => {
        setCompares(true);
      },
    });
  return (
    <>
      <FailurePanel
        failure={failure}
        why={shown ? 'Nothing was read, so what is shown below is from before.' : 'Nothing was read.'}
        actions={actions}
      >
        {failure.code === 'csv/invalid' && <TableErrors detail={failure.detail ?? {}} />}
      </FailurePanel>
      {unknown && (
        <HostKeyDialog
          key={`${failure.detail.host} ${failure.detail.fingerprint}`}
          shown={failure.detail}
          opened={compares}
          onClose={() => {
            setCompares(false);
          }}
        />
      )}
    </>
  );
}

/** Reads the same source again, over damage or strictly. */
async function readAgain(salvage: boolean): Promise<void> {
  const source = currentState()?.workspace?.settings.source;
  if (source === undefined) return;
  const saved = await perform('source', 'workspace.save', { source: { ...source, salvage } });
  if (saved !== null) await perform('source', 'source.read', { reference: source.reference });
}

/** What was read over damage is not the whole truth, and this stays in sight. */
function Salvaged(): React.JSX.Element | null {
  const salvage = useAppState((state) => state.workspace?.settings.source.salvage === true);
  if (!salvage) return null;
  return (
    <ProblemNote
      severity="warning"
      what="What is left of a damaged database."
      why="Devices may be missing from it, and what it says of a device may be older than the last change. The findings below name each damage."
      remedy="Look for a whole copy first. Devices that are not in this reading would stay behind."
      code="source-salvaged"
      actions={[{ id: 'strictly', label: 'Read strictly', icon: RefreshCw, run: () => void readAgain(false) }]}
    />
  );
}

function Found(): React.JSX.Element | null {
  const source = useAppState((state) => state.source);
  const now = useNow();
  if (source === null) return null;
  const { expiries, reasons, findings, sample, instant } = source;
  // The sample tells its story as of its own time.
  const today = sample ? instant : now;
  const ends = expiries.reduce((sum, { count }) => sum + count, 0);
  return (
    <>
      <Salvaged />
      <SourceSummaryStrip source={source} />
      {expiries.length > 0 && (
        <Panel
          title="When device certificates end"
          sentence={`${counted(ends, 'certificate')} of devices that can move. A device whose certificate has ended can no longer check in anywhere.`}
        >
          <MonthChart label="Device certificates ending, by month" months={expiries} now={today} unit="certificate" />
        </Panel>
      )}
      <ReasonList reasons={reasons} />
      <FindingList findings={findings} />
    </>
  );
}
