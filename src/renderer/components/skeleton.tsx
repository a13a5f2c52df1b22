/** What stands where an answer is late: nothing for 300 ms, then quiet bars. */
import { useLate } from '../hooks/use-late';
import './skeleton.css';

export function Skeleton({ lines = 4, label }: { readonly lines?: number; readonly label: string }): React.JSX.Element {
  const late = useLate(true);
  return (
    <div className="skeleton" role="status" aria-busy>
      {late && <span className="unseen">{label}</span>}
      {late && Array.from({ length: lines }, (_, index) => <div key={index} />)}
    </div>
  );
}
