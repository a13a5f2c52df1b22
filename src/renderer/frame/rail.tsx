/** The left rail: whose migration, which target, where one is and what is next. */
import { Menu } from '@mantine/core';
import {
  Check,
  ChevronsUpDown,
  CircleCheck,
  CircleDashed,
  FlaskConical,
  Folder,
  History,
  LoaderCircle,
  Siren,
  TriangleAlert,
} from 'lucide-react';
import type { Settings, StepName, StepState } from '../../contract/state';
import { ActionMenu } from '../components/action-menu';
import { Button } from '../components/button';
import { STEP_SCREENS } from '../features/steps';
import { workspaceActions } from '../features/welcome/workspace-actions';
import { grouped } from '../format/number';
import { useAnswer } from '../hooks/use-answer';
import { perform } from '../hooks/use-call';
import { useAppState } from '../stores/app-state';
import { hashOf, useRoute } from '../stores/route';
import './rail.css';

export function Rail({ current }: { readonly current: StepName }): React.JSX.Element {
  const steps = useAppState((state) => state.steps);
  const last = useRoute((routes) => routes.last);
  return (
    <nav className="rail" aria-label="Steps of the migration">
      <RailHead />
      <ol className="rail-steps">
        {STEP_SCREENS.map(({ name, title, icon: Icon }) => {
          const { state, sentence } = steps[name];
          return (
            <li key={name}>
              <a
                className={`rail-step rail-step-${state}`}
                href={hashOf(name, last[name])}
                aria-current={name === current ? 'page' : undefined}
                title={sentence}
              >
                <Icon size={16} aria-hidden />
                <span className="rail-title">{title}</span>
                <StepMark step={steps[name]} />
              </a>
            </li>
          );
        })}
      </ol>
      <RecentWorkspaces />
    </nav>
  );
}

const MARKS = {
  empty: { icon: CircleDashed, tone: 'tone-quiet', word: 'not begun' },
  done: { icon: CircleCheck, tone: 'tone-good', word: 'done' },
  attention: { icon: TriangleAlert, tone: 'tone-caution', word: 'needs attention' },
  running: { icon: LoaderCircle, tone: 'tone-info', word: 'running' },
  stale: { icon: History, tone: 'tone-caution', word: 'out of date' },
} as const;

function StepMark({ step }: { readonly step: StepState }): React.JSX.Element {
  const { icon: Icon, tone, word } = MARKS[step.state];
  return (
    <span className={`rail-mark ${tone}`}>
      {step.count !== null && step.count > 0 && grouped(step.count)}
      <Icon className={step.state === 'running' ? 'rail-ring' : ''} size={14} aria-hidden />
      <span className="unseen">{word}</span>
    </span>
  );
}

function RailHead(): React.JSX.Element {
  const name = useAppState((state) => state.workspace?.name ?? null);
  const sample = useAppState((state) => state.source?.sample === true);
  const badge = useAppState((state) => state.workspace?.settings.badge ?? null);
  return (
    <div className="rail-head">
      <ActionMenu
        label="Workspace"
        actions={workspaceActions(name !== null)}
        target={
          <Button variant="quiet" className="rail-workspace" title={name ?? undefined}>
            <span>{name ?? (sample ? 'Sample migration' : 'No workspace')}</span>
            <ChevronsUpDown size={14} aria-hidden />
          </Button>
        }
      />
      {badge !== null && <TargetBadge badge={badge} />}
    </div>
  );
}

type Target = Settings['badge'];
const TARGETS = {
  unset: { word: 'Target not named', icon: CircleDashed },
  staging: { word: 'Staging', icon: FlaskConical },
  production: { word: 'Production', icon: Siren },
} as const;

function TargetBadge({ badge }: { readonly badge: Target }): React.JSX.Element {
  const { word, icon: Icon } = TARGETS[badge];
  return (
    <Menu position="bottom-start">
      <Menu.Target>
        <button type="button" className={`rail-target rail-target-${badge}`} aria-label={`Target: ${word}`}>
          <Icon size={14} aria-hidden />
          {word}
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>What the target is</Menu.Label>
        {(['staging', 'production', 'unset'] as const).map((value) => (
          <Menu.Item
            key={value}
            role="menuitemradio"
            aria-checked={value === badge}
            rightSection={value === badge ? <Check size={14} aria-hidden /> : undefined}
            onClick={() => void perform('fleet', 'workspace.save', { badge: value })}
          >
            {TARGETS[value].word}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function RecentWorkspaces(): React.JSX.Element | null {
  const open = useAppState((state) => state.workspace?.path ?? null);
  const { reply } = useAnswer('workspace.recent', undefined, open ?? '');
  const others = reply?.ok === true ? reply.value.filter(({ path, missing }) => path !== open && !missing) : [];
  if (others.length === 0) return null;
  return (
    <div className="rail-recent">
      <h2>Recent workspaces</h2>
      <ul>
        {others.slice(0, 3).map(({ name, path }) => (
          <li key={path}>
            <Button
              variant="quiet"
              icon={Folder}
              title={path}
              onClick={() => void perform('source', 'workspace.open', { path })}
            >
              <span>{name}</span>
            </Button>
          </li>
        ))}
      </ul>
    </div>
  );
}
