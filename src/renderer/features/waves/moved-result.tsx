/** What became of the wave that moved last. */
import type { WaveMoved } from '../../../contract/waves';
import { Panel } from '../../components/panel';
import { SeverityIcon } from '../../components/severity-icon';
import { TimeText } from '../../components/time-text';
import { counted } from '../../format/number';
import { LeftOut } from '../apply/left-out';
import { goAction } from '../go-action';
import { Button } from '../../components/button';

export function MovedResult({ moved }: { readonly moved: WaveMoved }): React.JSX.Element {
  const { rung, state, left, leftCount, woken } = moved;
  const clean = state === 'moved' && leftCount === 0 && (woken === null || woken.failed.length === 0);
  const devices = goAction('devices', 'See them arrive');
  return (
    <Panel
      title={state === 'moved' ? `Moved «${rung}»` : `«${rung}» was stopped`}
      aside={
        <span className="muted">
          <TimeText at={moved.at} as="distance" />
        </span>
      }
    >
      <div className="stack">
        <p className="result-verdict">
          <SeverityIcon severity={clean ? 'pass' : 'caution'} />
          {state === 'moved'
            ? `${counted(moved.moved, 'device')} now go to Fleet.`
            : 'No route was switched. The same wave goes on where it stopped.'}
        </p>
        {woken !== null && (
          <p>
            {counted(woken.sent, 'device')} woken
            {woken.failed.length > 0 && `, ${counted(woken.failed.length, 'device')} not`}.
          </p>
        )}
        <LeftOut title="These stay at the old server" devices={left} all={leftCount} />
        {woken !== null && <LeftOut title="These were not woken" devices={woken.failed} all={woken.failed.length} />}
        <div>
          <Button onClick={devices.run}>{devices.label}</Button>
        </div>
      </div>
    </Panel>
  );
}
