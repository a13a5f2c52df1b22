/** What can be done about workspaces; the same on the first screen, in the rail's menu and in the palette. */
import { FlaskConical, FolderOpen, FolderPlus, LogOut } from 'lucide-react';
import type { Action } from '../../components/action';
import { perform } from '../../hooks/use-call';
import { openDialog } from '../../stores/ui';

export const NEW_WORKSPACE = 'workspace/new';

export function workspaceActions(open: boolean): readonly Action[] {
  const actions: Action[] = [
    {
      id: 'workspace/new',
      label: 'New workspace…',
      icon: FolderPlus,
      run: () => {
        openDialog(NEW_WORKSPACE);
      },
    },
    {
      id: 'workspace/open',
      label: 'Open a workspace…',
      icon: FolderOpen,
      run: () => void perform('source', 'workspace.open', { path: null }),
    },
    {
      id: 'workspace/sample',
      label: 'Open the sample migration',
      icon: FlaskConical,
      run: () => void perform('source', 'source.sample', undefined),
    },
  ];
  if (open) {
    actions.push({
      id: 'workspace/close',
      label: 'Close this workspace',
      icon: LogOut,
      run: () => void perform('source', 'workspace.close', undefined),
    });
  }
  return actions;
}
