/** The bottom line: which source, which target, whether connected, and the job under way. */
import { Database, PlugZap, Server, Unplug } from 'lucide-react';
import { ShortId } from '../components/short-id';
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
      <span className="status-gap" />
      <JobBar />
    </footer>
  );
}
