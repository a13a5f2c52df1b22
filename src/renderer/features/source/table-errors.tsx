/** What is wrong in a table, cell by cell; the file is fixed and read again. */
import '../../components/plain-table.css';
import type { StepFailure } from '../../../contract/state';
import { grouped } from '../../format/number';

interface TableErrorsProps {
  readonly detail: NonNullable<StepFailure['detail']>;
}

export function TableErrors({ detail }: TableErrorsProps): React.JSX.Element | null {
  const errors = errorsOf(detail);
  if (errors.length === 0) return null;
  const more = typeof detail['more'] === 'number' ? detail['more'] : 0;
  return (
    <div className="source-errors" tabIndex={0} role="region" aria-label="Wrong cells">
      <table className="plain-table">
        <thead>
          <tr>
            <th scope="col">Where</th>
            <th scope="col">Column</th>
            <th scope="col">What is wrong</th>
          </tr>
        </thead>
        <tbody>
          {errors.map(({ row, column, what }, index) => (
            <tr key={index}>
              <td className="tabular">{row}</td>
              <td className="mono">{column}</td>
              <td>{what}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {more > 0 && <p className="muted">And {grouped(more)} more.</p>}
    </div>
  );
}

interface CellError {
  readonly row: string;
  readonly column: string;
  readonly what: string;
}

/** The errors lie in the detail, one a line: `row 7, column token: is no hexadecimal`. */
function errorsOf({ problems }: TableErrorsProps['detail']): CellError[] {
  if (typeof problems !== 'string') return [];
  return problems.split('\n').map((line) => {
    const [, row = '', column = '', what = line] = /^(.*?)(?:, column ([^:]+))?: (.*)$/.exec(line) ?? [];
    return { row, column, what };
  });
}
