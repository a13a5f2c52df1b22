/** Which Slipway this is, asked from the main process. */
import { useAnswer } from '../../hooks/use-answer';
import '../../frame/status-line.css';

export function VersionLine(): React.JSX.Element {
  const { reply } = useAnswer('app.version', undefined);
  return (
    <footer className="status">
      {reply?.ok === true && (
        <>
          <span>Slipway {reply.value.slipway}</span>
          <span className="status-gap" />
          <span>
            {reply.value.electron === null
              ? `Node ${reply.value.node}, without Electron`
              : `Electron ${reply.value.electron}`}
          </span>
        </>
      )}
      {reply?.ok === false && <span>{reply.failure.message}</span>}
    </footer>
  );
}
