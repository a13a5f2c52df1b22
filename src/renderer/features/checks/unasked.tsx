/** Checks of a phase that could not be asked, folded into one line: what they lack is said once for all of them. */
import type { CheckRow } from '../../../contract/state';
import { SeverityIcon } from '../../components/severity-icon';
import { counted } from '../../format/number';
import { inThisWindow } from '../../format/window-words';

interface UnaskedProps {
  readonly results: readonly CheckRow[];
  readonly open: boolean;
}

export function Unasked({ results, open }: UnaskedProps): React.JSX.Element | null {
  if (results.length === 0) return null;
  return (
    <li className="check check-quiet">
      <SeverityIcon severity="skipped" />
      <details className="unasked" open={open}>
        <summary>
          {counted(results.length, 'check')} {results.length === 1 ? 'was' : 'were'} not asked
        </summary>
        <ul>
          {results.map(({ id, title, sentence }) => (
            <li key={id}>
              <span className="check-title">{title}</span> <span className="muted">{inThisWindow(sentence)}</span>
            </li>
          ))}
        </ul>
      </details>
    </li>
  );
}
