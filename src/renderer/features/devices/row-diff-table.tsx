/** One row as it stands in Fleet and as it will be, field by field. Secrets are named by length and hash. */
import { Equal, Minus, Pencil, Plus } from 'lucide-react';
import type { RowDiff } from '../../../contract/devices';
import { Badge } from '../../components/badge';
import { counted } from '../../format/number';
import './row-diff-table.css';

const CHANGES = {
  insert: { word: 'New', tone: 'info', icon: Plus },
  update: { word: 'Changes', tone: 'renew', icon: Pencil },
  delete: { word: 'Goes away', tone: 'bad', icon: Minus },
  none: { word: 'Stays as it is', tone: 'quiet', icon: Equal },
} as const;

interface RowDiffTableProps {
  readonly diff: RowDiff;
  readonly changedOnly: boolean;
}

export function RowDiffTable({ diff, changedOnly }: RowDiffTableProps): React.JSX.Element {
  const { word, tone, icon } = CHANGES[diff.change];
  const fields = changedOnly ? diff.fields.filter(({ changed }) => changed) : diff.fields;
  const hidden = diff.fields.length - fields.length;
  return (
    <div className="row-diff">
      <div className="row-diff-head">
        <code title={`${diff.table}: ${diff.row}`}>{diff.table}</code>
        <Badge tone={tone} icon={icon}>
          {word}
        </Badge>
      </div>
      {fields.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Field</th>
              <th scope="col">Now in Fleet</th>
              <th scope="col">Will be</th>
            </tr>
          </thead>
          <tbody>
            {fields.map(({ column, now, willBe, changed }) => (
              <tr key={column}>
                <th scope="row">{column}</th>
                <td className={changed && now !== null ? 'row-diff-was' : ''}>
                  <Value value={now} absent={diff.change === 'insert'} />
                </td>
                <td className={changed && willBe !== null ? 'row-diff-becomes' : ''}>
                  <Value value={willBe} absent={diff.change === 'delete'} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {hidden > 0 && <p className="row-diff-same faint">{counted(hidden, 'field')} unchanged</p>}
    </div>
  );
}

function Value({ value, absent }: { readonly value: string | null; readonly absent: boolean }): React.JSX.Element {
  if (value !== null) return <>{value}</>;
  return <span className="row-diff-null">{absent ? 'no row' : 'NULL'}</span>;
}
