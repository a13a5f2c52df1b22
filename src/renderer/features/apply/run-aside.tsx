/** When a run ended, and the way to its journal: beside the title of its result. */
import { BookText } from 'lucide-react';
import { Button } from '../../components/button';
import { TimeText } from '../../components/time-text';
import { goTo } from '../../stores/route';

interface RunAsideProps {
  readonly finishedAt: number;
  readonly journal: string;
}

export function RunAside({ finishedAt, journal }: RunAsideProps): React.JSX.Element {
  return (
    <>
      <span className="muted">
        <TimeText at={finishedAt} />
      </span>
      <Button
        icon={BookText}
        variant="quiet"
        onClick={() => {
          goTo('journal', new URLSearchParams({ journal }).toString());
        }}
      >
        Journal
      </Button>
    </>
  );
}
