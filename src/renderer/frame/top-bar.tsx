/** Title, one sentence, the step's one primary action, and a menu for the others. */
import { useSyncExternalStore } from 'react';
import { ActionMenu } from '../components/action-menu';
import { Button } from '../components/button';
import type { StepScreen, Typed } from '../features/step-screen';
import { useMaybeState } from '../stores/app-state';
import { useRoute } from '../stores/route';
import './top-bar.css';

interface TopBarProps {
  readonly step: StepScreen;
  readonly heading: React.RefObject<HTMLHeadingElement | null>;
}

const NOTHING: Typed = { subscribe: () => () => undefined, getState: () => null };

export function TopBar({ step, heading }: TopBarProps): React.JSX.Element {
  const { state } = useMaybeState();
  // Actions look at these themselves; here they only have to be asked again.
  const { subscribe, getState } = step.typed ?? NOTHING;
  useSyncExternalStore(subscribe, getState);
  useRoute(({ query }) => query);
  const primary = state === null ? null : (step.primary?.(state) ?? null);
  const more = state === null ? [] : (step.more?.(state) ?? []);
  return (
    <header className="top">
      <div className="top-title">
        <h1 id="step-title" ref={heading} tabIndex={-1}>
          {step.title}
        </h1>
        <p>{step.sentence}</p>
      </div>
      <ActionMenu label={`More for ${step.title}`} actions={more} />
      {primary !== null && (
        <Button
          variant="primary"
          icon={primary.icon}
          danger={primary.danger}
          cannot={primary.cannot}
          onClick={primary.run}
        >
          {primary.label}
        </Button>
      )}
    </header>
  );
}
