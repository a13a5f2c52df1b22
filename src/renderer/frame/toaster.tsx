/** Draws the toasts. They are told to screen readers by the announcer, so here they are only to be seen. */
import { CircleCheck, X } from 'lucide-react';
import { IconButton } from '../components/button';
import { dropToast, useToasts } from '../components/toast';
import './toaster.css';

export function Toaster(): React.JSX.Element | null {
  const { toasts } = useToasts();
  if (toasts.length === 0) return null;
  return (
    <aside className="toaster" aria-label="Messages">
      {toasts.map(({ id, text }) => (
        <div key={id} className="toast">
          <CircleCheck size={16} aria-hidden />
          <span>{text}</span>
          <IconButton
            icon={X}
            label="Put this away"
            onClick={() => {
              dropToast(id);
            }}
          />
        </div>
      ))}
    </aside>
  );
}
