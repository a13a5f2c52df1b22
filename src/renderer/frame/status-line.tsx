/** The bottom line: which source, which target, whether connected, and the job under way. */
import { Database, PlugZap, Radar, Server, TriangleAlert, Unplug } from 'lucide-react';
import { ShortId } from '../components/short-id';
import { grouped } from '../format/number';
import { useAppState } from '../stores/app-state';
import { JobBar } from './job-bar';
import './status-line.css';

export function StatusLine(): React.JSX.Element {
  const source = useAppState((state) => state.source);
  const fleet = useAppState((state) => state.fleet);
  return (
    <footer className="status" aria-label="Status">
      <span className="status-item">
        <Database size={14} aria-hidden />
        {source === null ? 'No source read' : 'Source'}
        {source !== null && <ShortId value={source.fingerprint} label="source fingerprint" ends={4} />}
      </span>
      {fleet === null ? (
        <span className="status-item">
          <Unplug size={14} aria-hidden />
          Not connected to Fleet
        </span>
      ) : (
        <>
          <span className="status-item status-on">
            <PlugZap size={14} aria-hidden />
            Connected
          </span>
          <span className="status-item">
            <Server size={14} aria-hidden />
            <span
              className="status-where"
              title={`${fleet.user} at ${fleet.host}:${fleet.port}, MySQL ${fleet.version}`}
            >
              {fleet.host} · {fleet.database} · schema {fleet.generation}
            </span>
          </span>
        </>
      )}
      <Watching />
      <span className="status-gap" />
      <JobBar />
    </footer>
  );
}

/** While devices are watched: how many have come, or that Fleet does not answer. */
function Watching(): React.JSX.Element | null {
  const watch = useAppState((state) => state.watch);
  if (watch?.on !== true) return null;
  const counts = watch.look?.counts;
  return (
    <span
      className={watch.failure === null ? 'status-item' : 'status-item status-failing'}
      title={watch.failure?.message}
    >
      {watch.failure === null ? <Radar size={14} aria-hidden /> : <TriangleAlert size={14} aria-hidden />}
      {watch.failure === null ? 'Watching' : 'Fleet does not answer'}
      {counts !== undefined && `: ${grouped(counts.migrated)} of ${grouped(counts.imported)} with Fleet`}
    </span>
  );
}
