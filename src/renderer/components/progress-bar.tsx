/** How far a job is; null where its end is not known. */
import './progress-bar.css';

interface ProgressBarProps {
  readonly label: string;
  readonly share: number | null;
}

export function ProgressBar({ label, share }: ProgressBarProps): React.JSX.Element {
  return (
    <div
      className={share === null ? 'progress progress-unknown' : 'progress'}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={share === null ? undefined : Math.floor(share * 100)}
    >
      <div style={share === null ? undefined : { transform: `scaleX(${share})` }} />
    </div>
  );
}
