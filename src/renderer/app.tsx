/** The window: the first screen until a migration is open, then its frame; palette and sheets above both. */
import { useEffect } from 'react';
import { FailurePanel } from './components/failure-panel';
import { Skeleton } from './components/skeleton';
import { stepScreen, STEP_SCREENS } from './features/steps';
import { NewWorkspaceDialog } from './features/welcome/new-workspace-dialog';
import { WelcomeScreen } from './features/welcome/welcome-screen';
import { Announcer } from './frame/announcer';
import { Frame } from './frame/frame';
import { Palette } from './frame/palette';
import { ShortcutSheet } from './frame/shortcut-sheet';
import { Toaster } from './frame/toaster';
import { useShortcut } from './hooks/use-shortcut';
import { followState, useMaybeState } from './stores/app-state';
import { goTo, useRoute } from './stores/route';
import { showPalette, showShortcuts } from './stores/ui';

export function App(): React.JSX.Element {
  useEffect(followState, []);
  useShortcut('mod+k', () => {
    showPalette(true);
  });
  useShortcut('?', () => {
    showShortcuts(true);
  });
  return (
    <>
      <Shown />
      <Palette />
      <ShortcutSheet />
      <NewWorkspaceDialog />
      <Toaster />
      <Announcer />
    </>
  );
}

function Shown(): React.JSX.Element {
  const { state, failure } = useMaybeState();
  const step = useRoute((route) => route.step);
  if (failure !== null) {
    return (
      <main className="frame-page">
        <h1 className="unseen">Slipway</h1>
        <FailurePanel failure={failure} />
      </main>
    );
  }
  if (state === null) return <Skeleton label="Asking for the state of the migration" lines={6} />;
  // The sample and a first reading need no workspace.
  if (state.workspace === null && state.source === null && state.job === null) return <WelcomeScreen />;
  return (
    <>
      <StepKeys />
      <Frame step={stepScreen(step ?? 'source')} />
    </>
  );
}

/** Ctrl/Cmd with a digit goes to a step. */
function StepKeys(): React.JSX.Element {
  return (
    <>
      {STEP_SCREENS.map(({ name }, index) => (
        <StepKey
          key={name}
          keys={`mod+${index + 1}`}
          go={() => {
            goTo(name);
          }}
        />
      ))}
    </>
  );
}

function StepKey({ keys, go }: { readonly keys: string; readonly go: () => void }): null {
  useShortcut(keys, go);
  return null;
}
