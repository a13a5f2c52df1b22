/** Where requests go at this moment: devices, what leads them, and the two servers, with counts. */
import { ArrowRight, Server, Smartphone, Split } from 'lucide-react';
import { Panel } from '../../components/panel';
import { TimeText } from '../../components/time-text';
import { counted, grouped, percent } from '../../format/number';
import { useAppState } from '../../stores/app-state';
import { useTrafficRate } from './traffic-rate';

export function RoutePicture(): React.JSX.Element {
  const routes = useAppState((state) => state.waves.routes);
  const ladder = useAppState((state) => state.waves.ladder);
  const all = useAppState((state) => state.source?.counts.devices ?? null);
  const rate = useTrafficRate(routes?.traffic ?? null, routes?.at ?? null);
  const fleet = routes?.fleet ?? null;
  const old = all === null || fleet === null ? null : Math.max(0, all - fleet);
  const share = fleet === null || all === null || all === 0 ? null : Math.min(1, fleet / all);
  return (
    <Panel
      title="Where requests go now"
      aside={
        <span className="muted">
          {routes === null ? (
            'being asked'
          ) : (
            <>
              {routes.read ? 'read back ' : 'as set last; it cannot be asked, '}
              <TimeText at={routes.at} as="distance" />
            </>
          )}
        </span>
      }
    >
      <div className="picture">
        <div className="picture-box">
          <Smartphone size={18} aria-hidden />
          <b>{all === null ? 'Devices' : counted(all, 'device')}</b>
          <span className="muted">call the name they always called</span>
        </div>
        <ArrowRight className="picture-arrow" size={18} aria-hidden />
        <div className="picture-box">
          <Split size={18} aria-hidden />
          <b>{ladder?.engineTitle ?? 'Load balancer'}</b>
          <ul className="picture-instances" aria-label="Instances">
            {(routes?.instances ?? []).map(({ name, running }) => (
              <li key={name}>
                <span className="mono">{name}</span>{' '}
                <span className="muted">{running === null ? 'cannot be asked' : `${grouped(running)} to Fleet`}</span>
              </li>
            ))}
          </ul>
        </div>
        <div className="picture-ways">
          <Way
            to="old"
            title="Old server"
            devices={old}
            share={share === null ? null : 1 - share}
            all={all}
            requests={routes?.traffic?.old ?? null}
            rate={rate?.old ?? null}
          />
          <Way
            to="fleet"
            title="Fleet"
            devices={fleet}
            share={share}
            all={all}
            requests={routes?.traffic?.fleet ?? null}
            rate={rate?.fleet ?? null}
          />
        </div>
      </div>
    </Panel>
  );
}

interface WayProps {
  readonly to: 'old' | 'fleet';
  readonly title: string;
  readonly devices: number | null;
  readonly share: number | null;
  readonly all: number | null;
  readonly requests: number | null;
  /** Requests a minute. */
  readonly rate: number | null;
}

function Way({ to, title, devices, share, all, requests, rate }: WayProps): React.JSX.Element {
  return (
    <>
      <div className={`picture-line picture-line-${to}`} aria-hidden>
        <div style={{ transform: `scaleX(${share ?? 0})` }} />
      </div>
      <div className={`picture-box picture-${to}`} role="group" aria-label={title}>
        <Server size={18} aria-hidden />
        <b>{title}</b>
        <span className="picture-count">
          {devices === null ? 'in doubt' : counted(devices, 'device')}
          {devices !== null && all !== null && all > 0 && <span className="muted"> {percent(devices, all)}</span>}
        </span>
        <span className="muted">
          {requests === null
            ? 'requests are not counted'
            : `${counted(requests, 'request')} so far${rate === null ? '' : `, ${grouped(rate)} a minute`}`}
        </span>
      </div>
    </>
  );
}
