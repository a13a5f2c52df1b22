/** The window of an open migration: rail, top bar, the step's screen, status line. */
import { Terminal } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { EmptyState } from '../components/empty-state';
import { FailurePanel } from '../components/failure-panel';
import { WatchNotices } from '../features/devices/watch-notices';
import type { StepScreen } from '../features/step-screen';
import { useAppState } from '../stores/app-state';
import { setRefused, useUi } from '../stores/ui';
import { Rail } from './rail';
import { StatusLine } from './status-line';
import { TopBar } from './top-bar';
import './frame.css';

export function Frame({ step }: { readonly step: StepScreen }): React.JSX.Element {
  const content = useRef<HTMLElement>(null);
  const heading = useArrival(step.name);
  return (
    <div className="frame">
      <button
        type="button"
        className="skip button"
        onClick={() => {
          content.current?.focus();
        }}
      >
        Skip to the content
      </button>
      <Rail current={step.name} />
      <TopBar step={step} heading={heading} />
      <main
        ref={content}
        className={step.fills === true ? 'frame-content frame-fills' : 'frame-content'}
        tabIndex={-1}
        aria-labelledby="step-title"
      >
        <Failures step={step} />
        {step.Screen === null ? (
          <EmptyState
            icon={Terminal}
            title={`${step.title} is not in this window yet`}
            sentence={`Meanwhile the command line does it: ${step.instead ?? 'slipway --help'}.`}
          />
        ) : (
          <div key={step.name} className={step.fills === true ? 'frame-screen' : 'frame-page'}>
            <step.Screen />
          </div>
        )}
      </main>
      <StatusLine />
      <WatchNotices />
    </div>
  );
}

function Failures({ step }: { readonly step: StepScreen }): React.JSX.Element | null {
  const refused = useUi((ui) => ui.refused[step.name]);
  const failed = useAppState((state) => state.failures[step.name]);
  const failure = refused ?? (step.showsFailure === true ? undefined : failed);
  if (failure === undefined) return null;
  return (
    <div className="frame-failure">
      <FailurePanel
        failure={failure}
        onDismiss={
          refused === undefined
            ? undefined
            : () => {
                setRefused(step.name, null);
              }
        }
      />
    </div>
  );
}

/** Moves the focus to the title when another step is shown, but not when the window opens. */
function useArrival(name: string): React.RefObject<HTMLHeadingElement | null> {
  const heading = useRef<HTMLHeadingElement>(null);
  const shown = useRef(name);
  useEffect(() => {
    if (shown.current === name) return;
    shown.current = name;
    heading.current?.focus();
  }, [name]);
  return heading;
}
