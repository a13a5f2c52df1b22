/** Reading the old server’s database, and what was found in it. */
import { ArrowLeft, RefreshCw } from 'lucide-react';
import { Button } from '../../components/button';
import { FailurePanel } from '../../components/failure-panel';
import { JobPanel } from '../../components/job-panel';
import { MonthChart } from '../../components/month-chart';
import { Panel } from '../../components/panel';
import { counted } from '../../format/number';
import { perform } from '../../hooks/use-call';
import { useNow } from '../../hooks/use-now';
import { useAppState } from '../../stores/app-state';
import { goTo, useRoute } from '../../stores/route';
import { DropZone } from './drop-zone';
import { FindingList } from './finding-list';
import { ReasonList } from './reason-list';
import { OTHER } from './source-actions';
import { SourceSummaryStrip } from './source-summary-strip';
import { WaysIn } from './ways-in';
import './source-screen.css';

export function SourceScreen(): React.JSX.Element {
  const source = useAppState((state) => state.source);
  const reading = useAppState((state) => state.job?.kind === 'read');
  const other = useRoute((route) => route.step === 'source' && route.query === OTHER);
  return (
    <DropZone>
      <SourceFailure />
      <JobPanel kinds={['read']} sentence="The source is only read. Cancelling leaves everything as it was." />
      {(source === null || other) && !reading && <WaysIn />}
      {source !== null && other && !reading && (
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
      {source !== null && (!other || reading) && <Found />}
    </DropZone>
  );
}

function SourceFailure(): React.JSX.Element | null {
  const failure = useAppState((state) => state.failures.source);
  const reference = useAppState((state) => state.workspace?.settings.source.reference ?? '');
  const busy = useAppState((state) => state.job !== null);
  if (failure === undefined || busy) return null;
  return (
    <FailurePanel
      failure={failure}
      why="Nothing was read, so what is shown below (if anything) is from before."
      actions={
        reference === ''
          ? []
          : [
              {
                id: 'again',
                label: 'Try again',
                icon: RefreshCw,
                run: () => void perform('source', 'source.read', { reference }),
              },
            ]
      }
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
