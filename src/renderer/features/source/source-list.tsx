/** The sources that go into one migration, each with its way in; what one of them says can be changed or let go. */
import { PenLine, Plus, X } from 'lucide-react';
import { Button } from '../../components/button';
import { ConfirmDialog } from '../../components/confirm-dialog';
import { Panel } from '../../components/panel';
import type { SourceWay } from '../../../contract/source-ways';
import { call } from '../../bridge';
import { counted } from '../../format/number';
import { SERVER_NAMES } from '../../format/source-words';
import { useAppState } from '../../stores/app-state';
import { goTo, hashOf } from '../../stores/route';
import { useState } from 'react';
import { ADD } from './source-actions';

export function SourceList(): React.JSX.Element | null {
  const ways = useAppState((state) => state.workspace?.settings.source.ways ?? NO_WAYS);
  const parts = useAppState((state) => state.source?.parts ?? NO_PARTS);
  const [leaving, setLeaving] = useState<SourceWay | null>(null);
  if (ways.length < 2) return null;
  return (
    <Panel
      title="Sources"
      sentence="They go into one migration. A device that is in two of them goes in once, or is held until it is settled."
      aside={
        <Button
          icon={Plus}
          onClick={() => {
            goTo('source', ADD);
          }}
        >
          Add another source…
        </Button>
      }
      flush
    >
      <ol className="source-list">
        {ways.map((way, index) => {
          const part = parts.length === ways.length ? parts[index] : undefined;
          const number = index + 1;
          return (
            <li key={way.slot}>
              <span className="source-list-number tabular">{number}</span>
              <span className="source-list-name">{SERVER_NAMES[way.server]}</span>
              <span className="mono source-list-place">{placeOf(way)}</span>
              {part === undefined ? (
                <span className="muted">not read</span>
              ) : (
                <a
                  className="source-link"
                  href={hashOf('devices', new URLSearchParams({ source: String(part.number) }).toString())}
                >
                  {counted(part.devices, 'device')}
                </a>
              )}
              <Button
                variant="quiet"
                icon={PenLine}
                aria-label={`Change source ${number}`}
                onClick={() => {
                  goTo('source', `edit=${way.slot}`);
                }}
              >
                Change
              </Button>
              <Button
                variant="quiet"
                icon={X}
                aria-label={`Let go of source ${number}`}
                onClick={() => {
                  setLeaving(way);
                }}
              >
                Let go
              </Button>
            </li>
          );
        })}
      </ol>
      <ConfirmDialog
        title="Let this source go"
        opened={leaving !== null}
        onClose={() => {
          setLeaving(null);
        }}
        act="Let it go and read the others"
        onConfirm={async () => {
          const reply = await call('source.drop', { slot: leaving?.slot ?? 1 });
          if (reply.ok) goTo('source', '');
          return reply.ok ? null : reply.failure;
        }}
      >
        <p>
          {leaving === null ? '' : placeOf(leaving)} is read no more here, and its secrets are forgotten. Nothing
          changes there. A plan that was made with it goes stale.
        </p>
      </ConfirmDialog>
    </Panel>
  );
}

const NO_WAYS: readonly SourceWay[] = [];
const NO_PARTS: readonly { number: number; devices: number }[] = [];

/** Where a source lies, for people. */
function placeOf({ place, path, url, database, ssh }: SourceWay): string {
  switch (place) {
    case 'file':
    case 'folder':
      return path;
    case 'server':
      return url;
    case 'ssh':
      return `${ssh.user}@${ssh.host}:${path}`;
    case 'mysql':
    case 'postgres':
      return `${database.user}@${database.host}/${database.name}${database.via ? ` through ${ssh.host}` : ''}`;
  }
}
