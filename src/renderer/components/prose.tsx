/** A sentence of the engine’s, in the words of this window, with what stands in backticks set as code. */
import { inThisWindow } from '../format/window-words';

export function Prose({ text }: { readonly text: string }): React.JSX.Element {
  const parts = inThisWindow(text).split('`');
  // A backtick that is not closed is only a backtick.
  if (parts.length % 2 === 0 || parts.length === 1) return <>{parts.join('`')}</>;
  return (
    <>
      {parts.map((part, index) =>
        index % 2 === 1 ? <code key={index}>{part}</code> : <span key={index}>{part}</span>,
      )}
    </>
  );
}
