/** A titled part of a screen. `flush`: its content (a list, a table) goes to the edges. */
import { useId } from 'react';
import './panel.css';

interface PanelProps {
  readonly title: string;
  readonly sentence?: string | undefined;
  /** Small controls at the right of the title. */
  readonly aside?: React.ReactNode;
  readonly flush?: boolean | undefined;
  readonly children?: React.ReactNode;
}

export function Panel({ title, sentence, aside, flush = false, children }: PanelProps): React.JSX.Element {
  const id = useId();
  return (
    <section className={flush ? 'panel panel-flush' : 'panel'} aria-labelledby={id}>
      <div className="panel-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </div>
      {sentence !== undefined && <p className="panel-sentence">{sentence}</p>}
      {children !== undefined && <div className="panel-body">{children}</div>}
    </section>
  );
}
