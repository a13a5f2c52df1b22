/** When Fleet renews whom: week by week at its own pace, and who is never renewed, with what to do. */
import { CalendarClock, Download } from 'lucide-react';
import { useState } from 'react';
import type { RenewalForecastShown } from '../../../contract/renewal';
import { Button } from '../../components/button';
import { TextField } from '../../components/field';
import { Panel } from '../../components/panel';
import { ProblemNote } from '../../components/problem-note';
import { SmallChart, type ChartPoint } from '../../components/small-chart';
import { Stat, Stats } from '../../components/stat';
import { SubjectList } from '../../components/subject-list';
import { TimeText } from '../../components/time-text';
import { toast } from '../../components/toast';
import '../../components/plain-table.css';
import { counted, grouped } from '../../format/number';
import { day } from '../../format/time';
import { perform } from '../../hooks/use-call';
import { useAppState } from '../../stores/app-state';
import { makeForecast, useRenewal } from './renewal-store';

const WEEK = 7 * 86_400_000;
/** Bars; a longer time is drawn by what is in it. */
const MOST_BARS = 110;
/** Weeks in the table before one asks for more. */
const FIRST = 8;

export function RenewalForecast(): React.JSX.Element {
  const { forecast, busy: renewing } = useRenewal();
  const hasSource = useAppState((state) => state.source !== null);
  const job = useAppState((state) => state.job !== null);
  const [begins, setBegins] = useState('');
  const at = begins.trim() === '' ? null : Date.parse(`${begins.trim()}T00:00`);
  const wrong = at !== null && (Number.isNaN(at) || !/^\d{4}-\d\d-\d\d$/.test(begins.trim()));
  const cannot = !hasSource
    ? 'Read a source first.'
    : renewing || job
      ? 'Something is under way.'
      : wrong
        ? 'Set the day right first.'
        : null;
  return (
    <Panel
      title="When Fleet renews them"
      sentence="Fleet looks every hour, renews at most 100 devices then, those whose certificate has less than 180 days left, and only devices it has a host and an end of the certificate for."
      aside={
        <Button icon={CalendarClock} cannot={cannot} onClick={() => void makeForecast(at)}>
          {forecast === null ? 'Make the forecast' : 'Make it anew'}
        </Button>
      }
    >
      <div className="stack">
        <div className="forecast-begins">
          <TextField
            label="Renewal begins"
            hint="The day it is switched on in Fleet; empty for now."
            placeholder="2026-12-01"
            value={begins}
            onChange={setBegins}
            error={wrong ? 'Write the day as 2026-12-01.' : null}
            mono
          />
        </div>
        {forecast !== null && <Forecast forecast={forecast} />}
      </div>
    </Panel>
  );
}

function Forecast({ forecast }: { readonly forecast: RenewalForecastShown }): React.JSX.Element {
  const { devices, renewing, dueAtOnce, hoursForThese, weeks, obstacles, fleetAsked } = forecast;
  const never = obstacles.reduce((sum, { never: lost, count }) => sum + (lost ? count : 0), 0);
  return (
    <>
      <Stats label="The forecast in numbers">
        <Stat label="Devices" value={devices} />
        <Stat label="Fleet renews" value={renewing} tone="good" />
        <Stat
          label="Due at once"
          value={dueAtOnce}
          note={dueAtOnce === 0 ? 'none yet' : `about ${counted(hoursForThese, 'hour')} at 100 an hour`}
        />
        <Stat label="Never renewed" value={never} tone={never > 0 ? 'bad' : 'good'} />
      </Stats>
      {weeks.length > 0 && (
        <>
          <p className="muted">
            Devices renewed, by week; {grouped(Math.max(...weeks.map(({ renewed }) => renewed)))} in the fullest.
          </p>
          <SmallChart label="Devices renewed, by week" points={pointsOf(forecast)} height={72} />
          <Weeks weeks={weeks} />
        </>
      )}
      {!fleetAsked && (
        <ProblemNote
          plain
          severity="info"
          what="Fleet was not asked which devices it knows."
          remedy="Connect to Fleet and make the forecast anew: then Macs without a host show."
        />
      )}
      <div className="problem-list">
        {obstacles.map(({ code, never: lost, count, udids, sentence, remedy }) => (
          <ProblemNote
            key={code}
            plain
            severity={lost ? 'error' : 'caution'}
            what={`${grouped(count)} × ${sentence}`}
            remedy={remedy}
            code={code}
          >
            <SubjectList subjects={udids} first={3} />
            {udids.length < count && (
              <p className="muted">The first {grouped(udids.length)} of them; the saved list has all.</p>
            )}
          </ProblemNote>
        ))}
      </div>
      {obstacles.length > 0 && (
        <div className="acts">
          <Button icon={Download} onClick={() => void save()}>
            Save these devices as CSV…
          </Button>
        </div>
      )}
    </>
  );
}

function Weeks({ weeks }: Pick<RenewalForecastShown, 'weeks'>): React.JSX.Element {
  const [all, setAll] = useState(false);
  const shown = all ? weeks : weeks.slice(0, FIRST);
  return (
    <>
      <table className="plain-table weeks">
        <thead>
          <tr>
            <th scope="col">Week from</th>
            <th scope="col">Come due</th>
            <th scope="col">Renewed</th>
            <th scope="col">Wait at its end</th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ start, due, renewed, waiting }) => (
            <tr key={start}>
              <th scope="row">
                <TimeText at={start} as="day" />
              </th>
              <td className="tabular">{grouped(due)}</td>
              <td className="tabular">{grouped(renewed)}</td>
              <td className="tabular">{grouped(waiting)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {weeks.length > FIRST && (
        <div>
          <Button
            variant="quiet"
            aria-expanded={all}
            onClick={() => {
              setAll(!all);
            }}
          >
            {all ? 'Show fewer weeks' : `and ${counted(weeks.length - FIRST, 'more week')}`}
          </Button>
        </div>
      )}
    </>
  );
}

/** Every week from the first to the last, also those in which nothing happens: a gap is a gap. */
function pointsOf({ at, weeks }: RenewalForecastShown): ChartPoint[] {
  const byStart = new Map(weeks.map(({ start, renewed }) => [start, renewed]));
  const last = weeks.at(-1)?.start ?? at;
  const count = Math.round((last - at) / WEEK) + 1;
  if (count > MOST_BARS) return weeks.map(({ start, renewed }) => ({ label: day(start), value: renewed }));
  return Array.from({ length: Math.max(count, 12) }, (_, index) => {
    const start = at + index * WEEK;
    return { label: day(start), value: byStart.get(start) ?? 0 };
  });
}

async function save(): Promise<void> {
  const saved = await perform('certificates', 'renewal.saveForecast', undefined);
  if (saved !== null) toast(`Saved ${counted(saved.devices, 'device')} to ${saved.path}`);
}
