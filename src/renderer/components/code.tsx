/** A command or statement to read and to copy whole. */
import { CopyButton } from './copy-button';
import './code.css';

interface CodeProps {
  readonly text: string;
  /** What it is, for the copy button and for screen readers: “the GRANT statements”. */
  readonly label: string;
}

export function Code({ text, label }: CodeProps): React.JSX.Element {
  return (
    <div className="code">
      <pre tabIndex={0} role="region" aria-label={label}>
        {text}
      </pre>
      <CopyButton text={text} label={`Copy ${label}`} />
    </div>
  );
}
