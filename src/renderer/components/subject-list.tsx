/** What something is about: ids, tables, names. Bounded; the rest on demand, as far as it was sent. */
import { useState } from 'react';
import { counted } from '../format/number';
import { Button } from './button';
import { ShortId } from './short-id';
import './subject-list.css';

interface SubjectListProps {
  readonly subjects: readonly string[];
  /** How many are shown before one asks for more. */
  readonly first?: number | undefined;
}

export function SubjectList({ subjects, first = 6 }: SubjectListProps): React.JSX.Element | null {
  const [all, setAll] = useState(false);
  if (subjects.length === 0) return null;
  const shown = all ? subjects : subjects.slice(0, first);
  const more = subjects.length - shown.length;
  return (
    <ul className="subjects" aria-label="Concerned">
      {shown.map((subject) => (
        <li key={subject}>
          <ShortId value={subject} label="subject" ends={subject.length > 36 ? 12 : 0} />
        </li>
      ))}
      {(more > 0 || all) && subjects.length > first && (
        <li>
          <Button
            variant="quiet"
            className="subjects-more"
            aria-expanded={all}
            onClick={() => {
              setAll(!all);
            }}
          >
            {all ? 'Show fewer' : `and ${counted(more, 'other')}`}
          </Button>
        </li>
      )}
    </ul>
  );
}
