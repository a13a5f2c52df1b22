/** The status line: which Slipway this is, asked from the main process. */
import { useEffect, useState } from 'react';
import type { CallOutput } from '../../../contract/calls';
import type { Reply } from '../../../contract/reply';
import { call } from '../../bridge';

type Version = CallOutput<'app.version'>;

export function VersionLine(): React.JSX.Element {
  const reply = useVersion();
  return (
    <footer>
      <div className="welcome-status" role="status">
        {reply !== null && (reply.ok ? <Versions version={reply.value} /> : <span>{reply.failure.message}</span>)}
      </div>
    </footer>
  );
}

function Versions({ version }: { readonly version: Version }): React.JSX.Element {
  return (
    <>
      <span>Slipway {version.slipway}</span>
      <span>
        {version.electron === null ? `Node ${version.node}, without Electron` : `Electron ${version.electron}`}
      </span>
    </>
  );
}

function useVersion(): Reply<Version> | null {
  const [reply, setReply] = useState<Reply<Version> | null>(null);
  useEffect(() => {
    let wanted = true;
    void call('app.version', undefined).then((answer) => {
      if (wanted) setReply(answer);
    });
    return () => {
      wanted = false;
    };
  }, []);
  return reply;
}
